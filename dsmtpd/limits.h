// Every limit of the SMTP engine that is not a setting.  Each has a test.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::dsmtpd {

inline constexpr size_t kMaxCommandLine = 2048;  // octets without CRLF (RFC 5321 asks for 510)
inline constexpr size_t kMaxAuthLine = 16384;    // a SASL response, base64 (RFC 4954: 12288)
inline constexpr size_t kMaxLocalPart = 1000;    // VERP and SRS go far beyond the 64 of RFC 5321
inline constexpr size_t kMaxDomain = 255;        // 4.5.3.1.2
inline constexpr size_t kMaxLabel = 63;          // RFC 1035
inline constexpr size_t kMaxHelo = 255;
inline constexpr size_t kMaxTextLine = 1 << 20;   // real mail breaks the 998 of RFC 5322
inline constexpr size_t kMaxHops = 100;           // Received fields of one message
inline constexpr size_t kMaxIdleCommands = 100;   // NOOP and the like without mail between them
inline constexpr uint64_t kMinDataRate = 500;     // octets a second of DATA, over twice the timeout
inline constexpr int64_t kMaxDataSeconds = 3600;  // of one message
inline constexpr int64_t kMaxIdleSeconds = 1800;  // without mail or login
inline constexpr uint64_t kMaxDiscard = 64u << 20;  // octets read after a message became too large
inline constexpr size_t kMaxReplyText = 400;        // octets of one reply line

}  // namespace dmail::dsmtpd

// What a TLS program (imapd-login-tls, dpopd-login-tls, dsmtpd-session-tls) and its monitor say to
// each other about TLS, beside their own protocol; and the descriptors the program starts with.
//
//   jailed -> monitor  CertificateFor   server name, lower case   at most once, in the handshake
//   monitor -> jailed  CertificateFile  with the descriptor, and then KeyFile with its; or
//                      CertificateFile  without one: the default serves
//
// Descriptors 6 and 7 are the default certificate and key, 8 the keys of session tickets, 9 the
// authorities of client certificates; 8 and 9 are closed where the settings have none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace dmail::privsep {

// The note about a handshake that failed: ours (certificate or key cannot be used), or the
// client's.
inline constexpr char kTlsUnusable[] = "tls-unusable";
inline const char* tls_event(const Error& error) {
  return is_fault(error) ? kTlsUnusable : "tls-failed";
}

enum TlsFrame : uint8_t { kCertificateFor = 37, kCertificateFile = 51, kKeyFile = 52 };

inline constexpr int kCertificateFd = 6;
inline constexpr int kKeyFd = 7;
inline constexpr int kTicketKeysFd = 8;
inline constexpr int kAuthoritiesFd = 9;
inline constexpr size_t kMaxPem = 128 * 1024;  // bytes of a file
inline constexpr size_t kMaxServerName = 253;

// All of a file that the monitor opened, which is closed then.  Empty when `fd` is not open; Limit
// over kMaxPem.
Result<std::string> read_pem(int fd);

}  // namespace dmail::privsep

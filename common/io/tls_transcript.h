// A server's handshake with a client certificate, taken apart: the messages from ClientHello up to
// and with the client's CertificateVerify, as they went over the wire without record layer
// (RFC 8446 4, RFC 5246 7.4).  No OpenSSL here: what is in the fields is not judged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail {

inline constexpr size_t kMaxProof = 24 * 1024;  // bytes of a handshake
inline constexpr size_t kMaxProofChain = 10;    // certificates of a client

// Views into the handshake's bytes.
struct TlsTranscript {
  bool tls13 = false;
  uint16_t suite = 0;
  std::string_view retried;                    // ClientHello before a HelloRetryRequest, or empty
  std::string_view messages;                   // after that, up to the client's CertificateVerify
  std::string_view server_certificate;         // DER, the leaf
  std::vector<std::string_view> authorities;   // DER names in CertificateRequest
  std::vector<std::string_view> client_chain;  // DER, leaf first; at least one
  uint16_t signature_scheme = 0;
  std::string_view signature;
};

// BadInput unless each message is in its place, all lengths fit and nothing is left over.
Result<TlsTranscript> tls_transcript_of(std::string_view handshake);

// The DER name that carries `stamp` among the authorities: its first 100 bytes as CN.
std::string stamp_name(std::string_view stamp);

}  // namespace dmail

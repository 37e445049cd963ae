// Who a client certificate belongs to, from the record of its handshake (TlsStream::client_proof).
//
// The process that spoke TLS may be in an attacker's hands, so nothing that it says counts.  A
// proof counts when
//   - the handshake in it names our certificate, asks for a client certificate with this
//     connection's stamp among the names of authorities, and (TLS 1.2) agrees on its keys by
//     ephemeral Diffie-Hellman, so that only the holder of our key could have led the client on;
//   - the client's chain ends at one of our CAs, is good for client authentication and valid now;
//   - CertificateVerify is the certificate's signature over just these messages (RFC 8446 4.4.3,
//     RFC 5246 7.4.8).
// The stamp is made by the monitor, so a proof that was seen elsewhere or earlier is none.  What is
// left to an attacker who has taken over a TLS program is our key: with it he can pass for us
// between a client and us, now, as everywhere.
//
// Errors: NoPermission with a reason for the log.  Every byte of a proof is hostile: one walk with
// checked lengths, at most kMaxProof bytes.  Fuzzed: tests/fuzz/fuzz_tls_proof.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail {

struct ProofCheck {
  std::string_view proof;
  std::string_view certificate_pem;  // ours, as the TLS program got it (one chain or two)
  std::string_view client_ca_pem;
  std::string_view stamp;  // as in TlsConfig; without one nothing is proven
  int64_t now = 0;         // seconds since 1970
};

struct ClientIdentity {
  std::string name;     // the first rfc822Name of subjectAltName, else its first UPN, else CN
  std::string subject;  // for the log
};

Result<ClientIdentity> verify_proof(const ProofCheck& check);

}  // namespace dmail

// Internal to tls_openssl*.cc: what they share.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "io/openssl_handles.h"
#include "io/ticket_keys.h"
#include "io/tls.h"

namespace dmail::openssl {

using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freer<SSL_free>>;

// The library's last complaint behind `what`; its queue is empty after.
std::string complaint(const char* what);
// The Error for a fault of ours: a setting, a certificate, a key.
Error ours(const char* what);

// What the library's callbacks need while the handshake lasts.
struct Handshake {
  TlsConfig* config = nullptr;
  std::vector<TicketKey> ticket_keys;
  std::string transcript;  // of handshake messages, when a client certificate is asked for
  bool recording = false;
  bool proven = false;  // the transcript ends with the client's CertificateVerify
  bool certificate_wanted = false;
  bool certificate_set = false;
};
Handshake& handshake_of(SSL* ssl);

// A context for one connection, all but certificates and tickets.
Result<Context> make_context(TlsConfig& config);
// Takes in certificates and keys; wipes the keys' text.
Status use_certificates(SSL* ssl, TlsCertificate& pem);
// Asks for a client certificate from the CAs in `pem`, with the stamp among their names.
Status ask_for_certificate(SSL* ssl, std::string_view pem, std::string_view stamp);
void record_handshake(SSL* ssl);
// Before anything else of the library is used: leaves out algorithms that TLS has no use for.
void use_small_provider();
void use_tickets(SSL_CTX* context, bool on);

}  // namespace dmail::openssl

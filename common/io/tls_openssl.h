// Internal to tls_openssl*.cc: what they share.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "io/ticket_keys.h"
#include "io/tls.h"

namespace dmail::openssl {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freer<SSL_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using Chain = std::unique_ptr<STACK_OF(X509), FreeChain>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

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

// All certificates of a PEM text, in its order; at most 20.
std::vector<Certificate> certificates_of(std::string_view pem);

// A context for one connection, all but certificates and tickets.
Result<Context> make_context(TlsConfig& config);
// Takes in certificates and keys; wipes the keys' text.
Status use_certificates(SSL* ssl, TlsCertificate& pem);
// Asks for a client certificate from the CAs in `pem`, with the stamp among their names.
Status ask_for_certificate(SSL* ssl, std::string_view pem, std::string_view stamp);
void record_handshake(SSL* ssl);
void use_tickets(SSL_CTX* context, bool on);

// The name that carries `stamp` in the request for a client certificate: CN alone.
using Name = std::unique_ptr<X509_NAME, Freer<X509_NAME_free>>;
Name stamp_name(std::string_view stamp);

}  // namespace dmail::openssl

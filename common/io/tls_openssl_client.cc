// Client certificates: the request, and the record of the handshake that proves one.
#include "io/tls_openssl.h"
#include "io/tls_transcript.h"

namespace dmail::openssl {
namespace {

constexpr unsigned char kCertificateVerify = 15;  // RFC 8446 4, RFC 5246 7.4

// Whoever needs the certificate verifies it from the record, elsewhere: what this process finds of
// it is worth nothing to anybody.
int accept_any(X509_STORE_CTX*, void*) { return 1; }

void record(int sent, int, int type, const void* bytes, size_t size, SSL* ssl, void*) {
  Handshake& handshake = handshake_of(ssl);
  if (!handshake.recording || type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (handshake.transcript.size() + size > kMaxProof) {
    handshake.recording = false;
    handshake.transcript.clear();
    return;
  }
  const auto* message = static_cast<const char*>(bytes);
  handshake.transcript.append(message, size);
  if (sent != 0 || static_cast<unsigned char>(message[0]) != kCertificateVerify) return;
  handshake.recording = false;
  handshake.proven = true;
  SSL_set_num_tickets(ssl, 0);
}

}  // namespace

Status ask_for_certificate(SSL* ssl, std::string_view pem, std::string_view stamp) {
  std::vector<Certificate> authorities = certificates_of(pem);
  if (authorities.empty()) return ours("tls_client_ca holds no certificate in PEM form");
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  for (const Certificate& one : authorities)
    sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(one.get())));
  const std::string der = stamp_name(stamp);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  if (X509_NAME* name = d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())))
    sk_X509_NAME_push(names, name);
  SSL_set0_CA_list(ssl, names);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  return {};
}

void record_handshake(SSL* ssl) {
  handshake_of(ssl).recording = true;
  SSL_set_msg_callback(ssl, record);
  SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(ssl), accept_any, nullptr);
}

}  // namespace dmail::openssl

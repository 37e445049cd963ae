#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/tls_openssl.h"

namespace dmail::openssl {
namespace {

constexpr size_t kMaxKeys = 3;  // RSA, ECDSA, EdDSA

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void* argument) {
  const std::string_view wanted = *static_cast<const std::string*>(argument);
  bool http = false;
  for (unsigned i = 0; i < in_size; i += 1U + in[i]) {
    if (in[i] == 0 || in[i] >= in_size - i) return SSL_TLSEXT_ERR_ALERT_FATAL;
    const std::string_view name(reinterpret_cast<const char*>(in) + i + 1, in[i]);
    if (name == wanted) {
      *out = in + i + 1;
      *out_size = in[i];
      return SSL_TLSEXT_ERR_OK;
    }
    http = http || name.starts_with("http/") || name == "h2" || name == "h3";
  }
  return http ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

// Called when the client's hello has been read and no ticket of it counts: the handshake stands
// still until the certificate is there, so that who fetches it may throw.
int certificate_wanted(SSL* ssl, void*) {
  Handshake& handshake = handshake_of(ssl);
  if (handshake.certificate_set) return 1;
  handshake.certificate_wanted = true;
  return -1;
}

// Tickets are good for the name under which they were given: a client that comes for another domain
// gets to see that one's certificate (RFC 6066 section 3).
int bind_tickets_to_name(SSL* ssl, int*, void*) {
  const unsigned char* names = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &names, &size) != 1)
    return SSL_CLIENT_HELLO_SUCCESS;
  const std::string text = lower({reinterpret_cast<const char*>(names), size});
  unsigned char digest[SSL_MAX_SID_CTX_LENGTH];
  static_assert(sizeof digest == 32);
  const bool bound =
      EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) == 1 &&
      SSL_set_session_id_context(ssl, digest, sizeof digest) == 1;
  return bound ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

}  // namespace

std::string complaint(const char* what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return what;
    // The library's texts take 50 KiB once loaded, so they are only loaded here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  ERR_load_SSL_strings();  // the only way to have them late
#pragma GCC diagnostic pop
  const char* reason = ERR_reason_error_string(code);
  std::string out = concat(what, ": ", reason != nullptr ? reason : "error ");
  if (reason == nullptr) {
    append_hex(out, code, 8);
    out += ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
               ? " (no -----BEGIN line)"
               : " (openssl errstr tells)";
  }
  return out;
}

Error ours(const char* what) {
  return Error{ErrorKind::NoPermission, "TLS is not available", complaint(what)};
}

Result<Context> make_context(TlsConfig& config) {
  // No configuration file (there is none in the jail), no message texts, no clean-up at exit.
  constexpr uint64_t kInit = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS |
                             OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT;
  if (OPENSSL_init_ssl(kInit, nullptr) != 1) return ours("start of OpenSSL");
  use_small_provider();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return ours("start of OpenSSL");
  const bool only13 = config.minimum == "1.3" || config.minimum == "TLSv1.3";
  SSL_CTX_set_min_proto_version(context.get(), only13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Nothing whose first message costs us much more than the client: finite fields of 8192 bits take
  // a tenth of a second for a kilobyte that anybody can send.
  if (SSL_CTX_set1_groups_list(context.get(), "X25519:P-256:P-384:P-521") != 1)
    return ours("key exchange groups");
  if (!config.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context.get(), config.ciphers.c_str()) != 1)
    return ours("tls_ciphers");
  if (config.certificate_for)
    SSL_CTX_set_client_hello_cb(context.get(), bind_tickets_to_name, nullptr);
  SSL_CTX_set_cert_cb(context.get(), certificate_wanted, nullptr);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, &config.alpn);
  return context;
}

Status use_certificates(SSL* ssl, TlsCertificate& pem) {
  std::vector<Key> keys;
  {
    const Bio bio = bio_of(pem.key_pem);
    while (keys.size() < kMaxKeys) {
      Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
      if (!key) break;
      keys.push_back(std::move(key));
    }
  }
  wipe(pem.key_pem);
  if (keys.empty()) return ours("the file of tls_key holds no private key that can be read");
  ERR_clear_error();  // "no more keys" is how the file ends
  std::vector<Certificate> all = certificates_of(pem.certificate_pem);
  if (all.empty()) return ours("the file of tls_certificate holds no certificate that can be read");
  for (size_t leaf = 0; leaf < all.size();) {
    // The chain goes as far as the next certificate that one of our keys belongs to.
    Key* own = nullptr;
    for (Key& key : keys)
      if (key && X509_check_private_key(all[leaf].get(), key.get()) == 1) own = &key;
    ERR_clear_error();
    if (own == nullptr)
      return Error{ErrorKind::NoPermission, "TLS is not available",
                   "the key in tls_key is not that of the certificate in tls_certificate"};
    auto ours_too = [&](const Certificate& next) {
      for (const Key& key : keys)
        if (key && &key != own && X509_check_private_key(next.get(), key.get()) == 1) return true;
      return false;
    };
    size_t end = leaf + 1;
    while (end < all.size() && !ours_too(all[end])) ++end;
    Chain chain(sk_X509_new_null());
    for (size_t i = leaf + 1; i < end; ++i) sk_X509_push(chain.get(), all[i].release());
    if (SSL_use_cert_and_key(ssl, all[leaf].get(), own->get(), chain.get(), 1) != 1)
      return ours("certificate and key cannot be used");
    own->reset();
    leaf = end;
  }
  ERR_clear_error();
  return {};
}

}  // namespace dmail::openssl

#include "io/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "io/connection_over.h"
#include "io/tls_openssl.h"
#include "io/tls_openssl_stream.h"

namespace dmail {
namespace {

using namespace openssl;
using Why = ConnectionOver::Why;

constexpr int kMaxAuthorities = 1000;

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using Store = std::unique_ptr<X509_STORE, FreeStore>;

int no_passphrase(char*, int, int, void*) { return -1; }

Result<Store> store_of(std::string_view pem) {
  Store store(X509_STORE_new());
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!store || !bio) return ours("remote_ca");
  int count = 0;
  for (; count < kMaxAuthorities; ++count) {
    const Certificate one(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!one) break;
    if (X509_STORE_add_cert(store.get(), one.get()) != 1) return ours("remote_ca");
  }
  ERR_clear_error();  // "no more certificates" is how the file ends
  if (count == 0)
    return Error{ErrorKind::NoPermission, "TLS is not available", "remote_ca holds no certificate"};
  return store;
}

class ClientStream : public SslStream {
 public:
  ClientStream(int fd, SSL_CTX* context) { open(fd, context); }

  // What the certificate must be for; SNI where that is a name.
  bool set_name(const std::string& name) {
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl());
    if (name.empty()) return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl(), name.c_str()) == 1;
  }

  Status handshake(Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int n = SSL_connect(ssl());
      if (n == 1) break;
      const short wait = wait_of(n);
      if (wait == 0) return refusal();
      await(wait, deadline, "TLS handshake not done in time");
    }
    if (SSL_get_verify_result(ssl()) != X509_V_OK) return refusal();
    return {};
  }

  // The authorities have done their work; the system's are a megabyte.
  void forget_authorities() {
    if (X509_STORE* empty = X509_STORE_new(); empty != nullptr)
      SSL_CTX_set_cert_store(SSL_get_SSL_CTX(ssl()), empty);
  }

 private:
  Error refusal() {
    const long verdict = SSL_get_verify_result(ssl());
    if (verdict != X509_V_OK)
      return Error{ErrorKind::NoPermission, "TLS handshake failed",
                   concat("the certificate is refused: ", X509_verify_cert_error_string(verdict))};
    return Error{ErrorKind::BadInput, "TLS handshake failed", complaint("handshake")};
  }
};

Result<Context> client_context(const TlsClientConfig& config) {
  constexpr uint64_t kInit = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS |
                             OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT;
  if (OPENSSL_init_ssl(kInit, nullptr) != 1) return ours("start of OpenSSL");
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return ours("start of OpenSSL");
  SSL_CTX_set_min_proto_version(context.get(),
                                config.minimum == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!config.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context.get(), config.ciphers.c_str()) != 1)
    return ours("tls_ciphers");
  auto store = store_of(config.ca_pem);
  if (!store) return std::move(store.error());
  SSL_CTX_set_cert_store(context.get(), store->release());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

}  // namespace

Result<std::unique_ptr<TlsStream>> tls_connect(int fd, TlsClientConfig& config, Deadline deadline) {
  auto context = client_context(config);
  if (!context) return std::move(context.error());
  std::string().swap(config.ca_pem);
  auto stream = std::make_unique<ClientStream>(fd, context->get());
  if (!stream->set_name(config.name)) return ours("name of the server");
  DMAIL_TRY(stream->handshake(deadline));
  stream->forget_authorities();
  return std::unique_ptr<TlsStream>(std::move(stream));
}

}  // namespace dmail

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/tls.h"

namespace dmail {
namespace {

using Why = ConnectionOver::Why;

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
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

// The library's last complaint.  Its texts take 50 KiB once loaded, so they are only loaded here.
std::string complaint(const char* what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return what;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  ERR_load_SSL_strings();  // the only way to have them late
#pragma GCC diagnostic pop
  const char* reason = ERR_reason_error_string(code);
  std::string out = concat(what, ": ", reason != nullptr ? reason : "error ");
  if (reason == nullptr) append_hex(out, code, 8);
  return out;
}

Error ours(const char* what) {
  return Error{ErrorKind::NoPermission, "TLS is not available", complaint(what)};
}

// ---- the socket below: never blocks, whatever mode the descriptor is in

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int socket_read(BIO* bio, char* into, size_t size, size_t* count) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::recv(socket_of(bio), into, size, MSG_DONTWAIT);
  *count = n > 0 ? static_cast<size_t>(n) : 0;
  if (n < 0 && again()) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return n > 0 ? 1 : 0;
}

int socket_write(BIO* bio, const char* bytes, size_t size, size_t* count) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(socket_of(bio), bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  *count = n > 0 ? static_cast<size_t>(n) : 0;
  if (n < 0 && again()) BIO_set_retry_write(bio);
  return n > 0 ? 1 : 0;
}

long socket_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dmail");
    BIO_meth_set_read_ex(m, socket_read);
    BIO_meth_set_write_ex(m, socket_write);
    BIO_meth_set_ctrl(m, socket_control);
    return m;
  }();
  return method;
}

// ---- certificate and settings

int no_passphrase(char*, int, int, void*) { return -1; }

Status use_certificates(SSL_CTX* context, std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return ours("tls_certificate");
  constexpr int kMaxChain = 20;
  for (int i = 0; i < kMaxChain; ++i) {
    X509* next = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr);
    if (next == nullptr) break;
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return ours("chain of tls_certificate");
    }
  }
  ERR_clear_error();  // "no more certificates" is how the chain ends
  return {};
}

Status use_key(SSL_CTX* context, std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  wipe(pem);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return ours("tls_key");
  if (SSL_CTX_check_private_key(context) != 1) return ours("tls_key and tls_certificate");
  return {};
}

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

Result<Context> make_context(TlsConfig& config) {
  // No configuration file (there is none in the jail), no message texts, no clean-up at exit.
  constexpr uint64_t kInit = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS |
                             OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT;
  if (OPENSSL_init_ssl(kInit, nullptr) != 1) return ours("start of OpenSSL");
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return ours("start of OpenSSL");
  const bool only13 = config.minimum == "1.3" || config.minimum == "TLSv1.3";
  SSL_CTX_set_min_proto_version(context.get(), only13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_dh_auto(context.get(), 1);
  if (!config.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context.get(), config.ciphers.c_str()) != 1)
    return ours("tls_ciphers");
  DMAIL_TRY(use_certificates(context.get(), config.certificate_pem));
  DMAIL_TRY(use_key(context.get(), config.key_pem));
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, &config.alpn);
  return context;
}

// ---- the stream

class OpensslStream : public TlsStream {
 public:
  OpensslStream(int fd, Context context)
      : fd_(fd), context_(std::move(context)), ssl_(SSL_new(context_.get())) {
    if (!ssl_) throw ConnectionOver(Why::ProtocolBroken, "no memory for TLS");
    BIO* bio = BIO_new(socket_method());
    if (bio == nullptr) throw ConnectionOver(Why::ProtocolBroken, "no memory for TLS");
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  Status handshake(Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int n = SSL_accept(ssl_.get());
      if (n == 1) return {};
      const short wait = wait_of(n);
      if (wait == 0)
        return Error{ErrorKind::BadInput, "TLS handshake failed", complaint("handshake")};
      await(wait, deadline, "TLS handshake not done in time");
    }
  }

  Try try_read(std::span<char> into) override {
    ERR_clear_error();
    size_t count = 0;
    if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &count) == 1) return {count, 0, false};
    if (const short wait = wait_of(0); wait != 0) return {0, wait, false};
    if (SSL_get_error(ssl_.get(), 0) == SSL_ERROR_ZERO_RETURN) return {0, 0, true};
    throw ConnectionOver(Why::PeerClosed, complaint("TLS input"));
  }

  Try try_write(std::string_view bytes) override {
    if (bytes.empty()) return {};
    ERR_clear_error();
    size_t count = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count) == 1) return {count, 0, false};
    if (const short wait = wait_of(0); wait != 0) return {0, wait, false};
    throw ConnectionOver(Why::WriteFailed, complaint("TLS output"));
  }

  size_t read(std::span<char> into, Deadline deadline) override {
    for (;;) {
      const Try t = try_read(into);
      if (t.count > 0 || t.end) return t.count;
      await(t.wait, deadline, "no input in time");
    }
  }

  void write(std::string_view bytes, Deadline deadline) override {
    while (!bytes.empty()) {
      const Try t = try_write(bytes);
      bytes.remove_prefix(t.count);
      if (t.count == 0) await(t.wait, deadline, "output is stuck");
    }
  }

  [[nodiscard]] int read_fd() const override { return fd_; }
  [[nodiscard]] bool pending() const override { return SSL_pending(ssl_.get()) > 0; }
  [[nodiscard]] std::string version() const override { return SSL_get_version(ssl_.get()); }
  [[nodiscard]] std::string cipher() const override {
    const char* name = SSL_get_cipher_name(ssl_.get());
    return name != nullptr ? name : "";
  }
  void shutdown() override {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }

 private:
  [[nodiscard]] short wait_of(int result) const {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return POLLIN;
    return error == SSL_ERROR_WANT_WRITE ? POLLOUT : short{0};
  }
  void await(short what, Deadline deadline, const char* late) const {
    const bool ready =
        what == POLLOUT ? wait_writable(fd_, deadline) : wait_readable(fd_, deadline);
    if (!ready) throw ConnectionOver(Why::Timeout, late);
  }

  int fd_;
  Context context_;
  Connection ssl_;
};

}  // namespace

Result<std::unique_ptr<TlsStream>> tls_accept(int fd, TlsConfig& config, Deadline deadline) {
  auto context = make_context(config);
  if (!context) return std::move(context.error());
  auto stream = std::make_unique<OpensslStream>(fd, std::move(*context));
  DMAIL_TRY(stream->handshake(deadline));
  return std::unique_ptr<TlsStream>(std::move(stream));
}

bool tls_available() { return true; }

}  // namespace dmail

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/tls_openssl.h"

namespace dmail {
namespace {

using namespace openssl;
using Why = ConnectionOver::Why;

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

// ---- the stream

class OpensslStream : public TlsStream {
 public:
  OpensslStream(int fd, Context context, TlsConfig& config)
      : fd_(fd), context_(std::move(context)) {
    handshake_.config = &config;
    if (!config.ticket_keys.empty())
      if (auto keys = ticket_keys_of(config.ticket_keys)) handshake_.ticket_keys = std::move(*keys);
    wipe(config.ticket_keys);
    use_tickets(context_.get(), !handshake_.ticket_keys.empty());
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_) throw ConnectionOver(Why::ProtocolBroken, "no memory for TLS");
    SSL_set_app_data(ssl_.get(), &handshake_);
    if (!config.client_ca_pem.empty()) record_handshake(ssl_.get());
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
      if (n == 1) break;
      if (handshake_.certificate_wanted) {
        DMAIL_TRY(set_certificate());
        continue;
      }
      const short wait = wait_of(n);
      if (wait == 0)
        return Error{ErrorKind::BadInput, "TLS handshake failed", complaint("handshake")};
      await(wait, deadline, "TLS handshake not done in time");
    }
    handshake_.recording = false;
    if (!handshake_.proven) std::string().swap(handshake_.transcript);
    wipe_keys(handshake_.ticket_keys);
    handshake_.config = nullptr;
    return {};
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
  [[nodiscard]] bool resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] std::string server_name() const override {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? lower(name) : "";
  }
  [[nodiscard]] std::string binding(std::string_view type) const override;
  [[nodiscard]] std::string_view client_proof() const override {
    return handshake_.proven ? handshake_.transcript : std::string_view();
  }
  void forget_handshake() override {
    handshake_.proven = false;
    std::string().swap(handshake_.transcript);
  }
  void shutdown() override {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }

 private:
  // The default, or that of the name which the client asks for.
  Status set_certificate() {
    TlsConfig& config = *handshake_.config;
    TlsCertificate pem{std::move(config.certificate_pem), std::move(config.key_pem)};
    const std::string name = server_name();
    if (!name.empty() && config.certificate_for)
      if (auto other = config.certificate_for(name)) {
        wipe(pem.key_pem);
        pem = std::move(*other);
      }
    DMAIL_TRY(use_certificates(ssl_.get(), pem));
    if (!config.client_ca_pem.empty())
      DMAIL_TRY(ask_for_certificate(ssl_.get(), config.client_ca_pem, config.stamp));
    handshake_.certificate_wanted = false;
    handshake_.certificate_set = true;
    return {};
  }
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
  Handshake handshake_;
  Context context_;
  Connection ssl_;
};

std::string OpensslStream::binding(std::string_view type) const {
  const bool tls13 = SSL_version(ssl_.get()) == TLS1_3_VERSION;
  // Without the extended master secret two connections can be made to share theirs (RFC 7627).
  if (!tls13 && SSL_get_extms_support(ssl_.get()) != 1) return {};
  if (type == "tls-exporter") {
    constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    if (SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(out.data()),
                                   out.size(), kLabel.data(), kLabel.size(), nullptr, 0, 0) != 1)
      return {};
    return out;
  }
  if (type == "tls-unique" && !tls13) {
    std::string out(64, '\0');
    // The first Finished: the client's, or in a resumed handshake ours.
    out.resize(resumed() ? SSL_get_finished(ssl_.get(), out.data(), out.size())
                         : SSL_get_peer_finished(ssl_.get(), out.data(), out.size()));
    return out;
  }
  return {};
}

}  // namespace

openssl::Handshake& openssl::handshake_of(SSL* ssl) {
  return *static_cast<Handshake*>(SSL_get_app_data(ssl));
}

Result<std::unique_ptr<TlsStream>> tls_accept(int fd, TlsConfig& config, Deadline deadline) {
  auto context = make_context(config);
  if (!context) return std::move(context.error());
  auto stream = std::make_unique<OpensslStream>(fd, std::move(*context), config);
  const Status done = stream->handshake(deadline);
  wipe(config.key_pem);
  if (!done) return done.error();
  return std::unique_ptr<TlsStream>(std::move(stream));
}

bool tls_available() { return true; }

}  // namespace dmail

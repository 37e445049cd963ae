#include "io/tls_openssl_stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/connection_over.h"

namespace dmail::openssl {
namespace {

using Why = ConnectionOver::Why;

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

}  // namespace

void SslStream::open(int fd, SSL_CTX* context) {
  fd_ = fd;
  ssl_.reset(SSL_new(context));
  BIO* bio = ssl_ ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) throw ConnectionOver(Why::ProtocolBroken, "no memory for TLS");
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl(), bio, bio);
}

TlsStream::Try SslStream::try_read(std::span<char> into) {
  ERR_clear_error();
  size_t count = 0;
  if (SSL_read_ex(ssl(), into.data(), into.size(), &count) == 1) return {count, 0, false};
  if (const short wait = wait_of(0); wait != 0) return {0, wait, false};
  if (SSL_get_error(ssl(), 0) == SSL_ERROR_ZERO_RETURN) return {0, 0, true};
  throw ConnectionOver(Why::PeerClosed, complaint("TLS input"));
}

TlsStream::Try SslStream::try_write(std::string_view bytes) {
  if (bytes.empty()) return {};
  ERR_clear_error();
  size_t count = 0;
  if (SSL_write_ex(ssl(), bytes.data(), bytes.size(), &count) == 1) return {count, 0, false};
  if (const short wait = wait_of(0); wait != 0) return {0, wait, false};
  throw ConnectionOver(Why::WriteFailed, complaint("TLS output"));
}

size_t SslStream::read(std::span<char> into, Deadline deadline) {
  for (;;) {
    const Try t = try_read(into);
    if (t.count > 0 || t.end) return t.count;
    await(t.wait, deadline, "no input in time");
  }
}

void SslStream::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const Try t = try_write(bytes);
    bytes.remove_prefix(t.count);
    if (t.count == 0) await(t.wait, deadline, "output is stuck");
  }
}

std::string SslStream::cipher() const {
  const char* name = SSL_get_cipher_name(ssl());
  return name != nullptr ? name : "";
}

void SslStream::shutdown() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl());
}

short SslStream::wait_of(int result) const {
  const int error = SSL_get_error(ssl(), result);
  if (error == SSL_ERROR_WANT_READ) return POLLIN;
  return error == SSL_ERROR_WANT_WRITE ? POLLOUT : short{0};
}

void SslStream::await(short what, Deadline deadline, const char* late) const {
  const bool ready = what == POLLOUT ? wait_writable(fd_, deadline) : wait_readable(fd_, deadline);
  if (!ready) throw ConnectionOver(Why::Timeout, late);
}

}  // namespace dmail::openssl

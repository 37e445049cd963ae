// Internal to tls_openssl*.cc: a TLS connection once it is made, whichever side made it.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "io/tls.h"
#include "io/tls_openssl.h"

namespace dmail::openssl {

class SslStream : public TlsStream {
 public:
  Try try_read(std::span<char> into) override;
  Try try_write(std::string_view bytes) override;
  size_t read(std::span<char> into, Deadline deadline) override;
  void write(std::string_view bytes, Deadline deadline) override;
  [[nodiscard]] int read_fd() const override { return fd_; }
  [[nodiscard]] bool pending() const override { return SSL_pending(ssl()) > 0; }
  [[nodiscard]] std::string version() const override { return SSL_get_version(ssl()); }
  [[nodiscard]] std::string cipher() const override;
  void shutdown() override;

 protected:
  // Starts a connection of `context` on descriptor `fd` (not owned), which never blocks us,
  // whatever mode it is in.  Throws ConnectionOver when there is no memory.
  void open(int fd, SSL_CTX* context);
  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  // What the library waits for after `result`: POLLIN, POLLOUT, or 0 when it has failed.
  [[nodiscard]] short wait_of(int result) const;
  void await(short what, Deadline deadline, const char* late) const;

 private:
  int fd_ = -1;
  Connection ssl_;
};

}  // namespace dmail::openssl

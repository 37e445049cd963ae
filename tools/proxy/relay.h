// Carrying bytes between a client and another server, both ways at once.
#pragma once

#include <cstdint>

#include "io/tls.h"

namespace dmail::proxy {

// One side.  Does not own its descriptor.
class End {
 public:
  virtual ~End() = default;
  virtual TlsStream::Try try_read(std::span<char> into) = 0;
  virtual TlsStream::Try try_write(std::string_view bytes) = 0;
  virtual void finish() = 0;  // no more will be written
  [[nodiscard]] virtual int fd() const = 0;
};

class SocketEnd : public End {
 public:
  explicit SocketEnd(int fd) : fd_(fd) {}
  TlsStream::Try try_read(std::span<char> into) override;
  TlsStream::Try try_write(std::string_view bytes) override;
  void finish() override;
  [[nodiscard]] int fd() const override { return fd_; }

 private:
  int fd_;
};

class TlsEnd : public End {
 public:
  explicit TlsEnd(TlsStream& tls) : tls_(tls) {}
  TlsStream::Try try_read(std::span<char> into) override { return tls_.try_read(into); }
  TlsStream::Try try_write(std::string_view bytes) override { return tls_.try_write(bytes); }
  void finish() override { tls_.shutdown(); }
  [[nodiscard]] int fd() const override { return tls_.read_fd(); }

 private:
  TlsStream& tls_;
};

struct RelayTimes {
  int64_t idle_ms;                // nothing moved in either direction: over
  int64_t after_client = 60'000;  // for the server's last words, once the client has hung up
};

// Until the server has ended and the client has its last bytes, or one of them is gone.  When the
// client ends its side, the server is told so and may still answer.  Throws ConnectionOver: Timeout
// when nothing moved for too long, otherwise for a connection that broke.  While nothing happens
// the buffers' memory goes back to the system.
void relay(End& client, End& server, RelayTimes times);

}  // namespace dmail::proxy

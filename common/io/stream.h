// Bytes to and from a peer, plain or TLS.  All waiting has a deadline; ConnectionOver is thrown
// when it passes or the peer fails.  FdStream works on sockets and on pipes (a session run by
// hand).
#pragma once

#include <span>
#include <string_view>

#include "io/clock.h"

namespace dmail {

class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, or 0 at the orderly end of input.
  virtual size_t read(std::span<char> into, Deadline deadline) = 0;
  virtual void write(std::string_view bytes, Deadline deadline) = 0;  // all of it
  // The descriptor to wait on with poll(2), and whether bytes are already buffered inside (TLS).
  [[nodiscard]] virtual int read_fd() const = 0;
  [[nodiscard]] virtual bool pending() const { return false; }
};

class FdStream : public Stream {
 public:
  // Does not own the descriptors.  Sets TCP_NODELAY where `out` is a TCP socket.
  FdStream(int in, int out);
  size_t read(std::span<char> into, Deadline deadline) override;
  void write(std::string_view bytes, Deadline deadline) override;
  [[nodiscard]] int read_fd() const override { return in_; }

 private:
  int in_;
  int out_;
};

// True when `fd` becomes readable (writable) before the deadline.
bool wait_readable(int fd, Deadline deadline);
bool wait_writable(int fd, Deadline deadline);
// True when the other end of a socket is closed altogether before the deadline, whatever it has
// sent.
bool wait_gone(int fd, Deadline deadline);

}  // namespace dmail

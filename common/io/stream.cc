#include "io/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/connection_over.h"

namespace dmail {
namespace {

using Why = ConnectionOver::Why;

bool wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    pollfd p{fd, events, 0};
    const int n = ::poll(&p, 1, deadline.left_ms());
    if (n > 0) return true;
    if (n == 0) return false;
    if (errno != EINTR) throw ConnectionOver(Why::ProtocolBroken, std::strerror(errno));
  }
}

}  // namespace

bool wait_readable(int fd, Deadline deadline) { return wait_for(fd, POLLIN, deadline); }
bool wait_writable(int fd, Deadline deadline) { return wait_for(fd, POLLOUT, deadline); }
bool wait_gone(int fd, Deadline deadline) { return wait_for(fd, 0, deadline); }

FdStream::FdStream(int in, int out) : in_(in), out_(out) {
  const int on = 1;
  // Fails harmlessly where the descriptor is a pipe or a Unix socket.
  (void)::setsockopt(out_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

size_t FdStream::read(std::span<char> into, Deadline deadline) {
  for (;;) {
    if (!wait_for(in_, POLLIN, deadline)) throw ConnectionOver(Why::Timeout, "no input in time");
    const ssize_t n = ::read(in_, into.data(), into.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EINTR || errno == EAGAIN) continue;
    throw ConnectionOver(Why::PeerClosed, std::strerror(errno));
  }
}

void FdStream::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    // A socket is written without blocking, so that the deadline holds; a pipe after poll(2).
    ssize_t n = ::send(out_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == ENOTSOCK) {
      if (!wait_for(out_, POLLOUT, deadline)) throw ConnectionOver(Why::Timeout, "output is stuck");
      n = ::write(out_, bytes.data(), bytes.size());
    }
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(out_, POLLOUT, deadline)) throw ConnectionOver(Why::Timeout, "output is stuck");
    } else if (errno != EINTR) {
      throw ConnectionOver(Why::WriteFailed, std::strerror(errno));
    }
  }
}

}  // namespace dmail

#include "tools/proxy/relay.h"

#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/clock.h"
#include "io/connection_over.h"
#include "io/largest_page.h"

namespace dmail::proxy {
namespace {

using Why = ConnectionOver::Why;
using Try = TlsStream::Try;

constexpr size_t kBuffer = 16 * 1024;  // one each way
constexpr int64_t kRestMs = 1000;      // of silence, then the buffers are given back

// Page-aligned so that idle pages can be given back whole.
struct alignas(kLargestPage) Buffer {
  char bytes[kBuffer];
};
Buffer to_server;
Buffer to_client;

// One direction.
struct Way {
  End& from;
  End& to;
  Buffer& buffer;
  short& from_wait;
  short& to_wait;
  size_t at = 0, size = 0;
  bool ended = false;   // no more will come in
  bool passed = false;  // and `to` has been told

  [[nodiscard]] bool empty() const { return at == size; }
  [[nodiscard]] bool over() const { return ended && empty(); }

  // True when something happened.
  bool step() {
    bool moved = false;
    if (empty() && !ended) {
      const Try t = from.try_read({buffer.bytes, kBuffer});
      at = 0;
      size = t.count;
      ended = t.end;
      from_wait |= t.wait;
      moved = t.count > 0 || t.end;
    }
    if (!empty()) {
      const Try t = to.try_write({buffer.bytes + at, size - at});
      at += t.count;
      to_wait |= t.wait;
      moved = moved || t.count > 0;
    }
    if (over() && !passed) {
      passed = true;
      to.finish();
    }
    return moved;
  }
};

class Relay {
 public:
  Relay(End& client, End& server, RelayTimes times)
      : client_(client), server_(server), times_(times) {}

  void run() {
    Deadline last = Deadline::in_ms(times_.idle_ms);
    while (!down_.over()) {
      client_wait_ = server_wait_ = 0;
      const bool down = down_.step();
      const bool up = up_.step();
      if (down || up) {
        last = Deadline::in_ms(up_.over() ? std::min(times_.idle_ms, times_.after_client)
                                          : times_.idle_ms);
        continue;
      }
      wait(last);
    }
  }

 private:
  void wait(Deadline last) {
    pollfd fds[2] = {{client_.fd(), client_wait_, 0}, {server_.fd(), server_wait_, 0}};
    // Hang-ups are always reported; a side we want nothing from must not wake us with them.
    for (pollfd& p : fds)
      if (p.events == 0) p.fd = -1;
    const bool may_rest = up_.empty() && down_.empty();
    if (may_rest) {
      const int64_t pause = std::min<int64_t>(kRestMs, last.left_ms());
      if (poll_once(fds, static_cast<int>(pause))) return;
      rest();
    }
    if (!poll_once(fds, last.left_ms())) throw ConnectionOver(Why::Timeout, "nothing moved");
  }

  static bool poll_once(pollfd (&fds)[2], int ms) {
    const int n = ::poll(fds, 2, ms);
    if (n < 0 && errno != EINTR) throw ConnectionOver(Why::ProtocolBroken, std::strerror(errno));
    return n != 0;
  }

  static void rest() {
    (void)::madvise(&to_server, sizeof to_server, MADV_DONTNEED);
    (void)::madvise(&to_client, sizeof to_client, MADV_DONTNEED);
    (void)::malloc_trim(0);
  }

  End& client_;
  End& server_;
  RelayTimes times_;
  short client_wait_ = 0;
  short server_wait_ = 0;
  Way up_{client_, server_, to_server, client_wait_, server_wait_};
  Way down_{server_, client_, to_client, server_wait_, client_wait_};
};

}  // namespace

Try SocketEnd::try_read(std::span<char> into) {
  const ssize_t n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
  if (n > 0) return {static_cast<size_t>(n), 0, false};
  if (n == 0) return {0, 0, true};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {0, POLLIN, false};
  throw ConnectionOver(Why::PeerClosed, std::strerror(errno));
}

Try SocketEnd::try_write(std::string_view bytes) {
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) return {static_cast<size_t>(n), 0, false};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {0, POLLOUT, false};
  throw ConnectionOver(Why::WriteFailed, std::strerror(errno));
}

void SocketEnd::finish() { (void)::shutdown(fd_, SHUT_WR); }

void relay(End& client, End& server, RelayTimes times) { Relay(client, server, times).run(); }

}  // namespace dmail::proxy

#include "io/tls_relay.h"

#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "io/connection_over.h"
#include "io/largest_page.h"
#include "io/last_words.h"

namespace dmail {
namespace {

using Why = ConnectionOver::Why;

struct alignas(kLargestPage) Buffer {
  char bytes[kRelayBuffer];
};

// Page-aligned so that idle pages can be given back whole.
Buffer to_session;
Buffer to_client;

struct Half {
  explicit Half(Buffer& b) : buffer(&b) {}
  [[nodiscard]] bool empty() const { return at == end; }
  [[nodiscard]] std::string_view rest() const { return {buffer->bytes + at, end - at}; }
  void took(size_t n) { at += n; }
  void filled(size_t n) {
    at = 0;
    end = n;
  }
  Buffer* buffer;
  size_t at = 0, end = 0;
  bool ended = false;  // no more will come in
};

class Relay {
 public:
  Relay(TlsStream& tls, int inner, int64_t flush_ms)
      : tls_(tls), inner_(inner), flush_ms_(flush_ms) {}

  void run() {
    while (!(down_.ended && down_.empty())) {
      tls_wait_ = 0;
      inner_wait_ = 0;
      const bool down = step_down();
      const bool up = step_up();
      if (!down && !up) wait();
    }
    tls_.shutdown();
    let_last_words_arrive_if_unread(tls_.read_fd(), tls_.read_fd());
  }

 private:
  // From the session to the client.
  bool step_down() {
    bool moved = false;
    if (down_.empty() && !down_.ended) {
      const ssize_t n = ::recv(inner_, down_.buffer->bytes, kRelayBuffer, MSG_DONTWAIT);
      if (n > 0) {
        down_.filled(static_cast<size_t>(n));
        moved = true;
      } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        inner_wait_ |= POLLIN;
      } else {
        down_.ended = true;
        last_ = Deadline::in_ms(flush_ms_);
        return true;
      }
    }
    if (!down_.empty()) {
      const TlsStream::Try t = tls_.try_write(down_.rest());
      down_.took(t.count);
      tls_wait_ = static_cast<short>(tls_wait_ | t.wait);
      moved = moved || t.count > 0;
    }
    return moved;
  }

  // From the client to the session.  A session that is gone takes nothing; its last words still go
  // down.
  bool step_up() {
    bool moved = false;
    if (up_.empty() && !up_.ended && !down_.ended) {
      const TlsStream::Try t = tls_.try_read({up_.buffer->bytes, kRelayBuffer});
      if (t.end) {
        up_.ended = true;
        ::shutdown(inner_, SHUT_WR);
        return true;
      }
      up_.filled(t.count);
      tls_wait_ = static_cast<short>(tls_wait_ | t.wait);
      moved = t.count > 0;
    }
    if (!up_.empty()) {
      const ssize_t n =
          ::send(inner_, up_.rest().data(), up_.rest().size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) {
        up_.took(static_cast<size_t>(n));
        moved = true;
      } else if (errno == EAGAIN || errno == EINTR) {
        inner_wait_ |= POLLOUT;
      } else {
        up_.filled(0);
        up_.ended = true;
        return true;
      }
    }
    return moved;
  }

  void wait() {
    pollfd fds[2] = {{tls_.read_fd(), tls_wait_, 0}, {inner_, inner_wait_, 0}};
    // Errors and hang-ups are always reported; a client we want nothing from must not wake us with
    // them.  The session's end is worth knowing even then (once): what it left must not wait for
    // ever for a client that reads nothing.
    if (tls_wait_ == 0) fds[0].fd = -1;
    if (session_gone_) fds[1].fd = -1;
    const bool may_rest = up_.empty() && down_.empty() && !rested_;
    int patience = may_rest ? 1000 : -1;
    if (down_.ended || session_gone_) patience = last_.left_ms();
    const int n = ::poll(fds, 2, patience);
    if (n < 0 && errno != EINTR) throw ConnectionOver(Why::ProtocolBroken, std::strerror(errno));
    if (n > 0) rested_ = false;
    if (n > 0 && (fds[1].revents & (POLLHUP | POLLERR)) != 0 && !down_.ended) {
      session_gone_ = true;
      last_ = Deadline::in_ms(kSocketfuls * flush_ms_);
    }
    if (n != 0) return;
    if (down_.ended || session_gone_) throw ConnectionOver(Why::Timeout, "output is stuck");
    rest();
  }

  void rest() {
    rested_ = true;
    (void)::madvise(&to_session, sizeof to_session, MADV_DONTNEED);
    (void)::madvise(&to_client, sizeof to_client, MADV_DONTNEED);
    (void)::malloc_trim(0);
  }

  // A session that ends leaves more in the socket than we hold: so many times our patience.
  static constexpr int kSocketfuls = 5;

  TlsStream& tls_;
  int inner_;
  int64_t flush_ms_;
  bool session_gone_ = false;
  Half up_{to_session};
  Half down_{to_client};
  short tls_wait_ = 0;
  short inner_wait_ = 0;
  bool rested_ = false;
  Deadline last_ = Deadline::in_ms(0);
};

}  // namespace

void relay(TlsStream& tls, int inner, int64_t flush_ms) { Relay(tls, inner, flush_ms).run(); }

}  // namespace dmail

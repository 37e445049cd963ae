#include "io/tls_relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <thread>

#include "io/connection_over.h"
#include "io/owned_fd.h"

namespace dmail {
namespace {

// A TLS peer without TLS: plain bytes over a socket.
class PlainTls : public TlsStream {
 public:
  explicit PlainTls(int fd) : fd_(fd) {}
  Try try_read(std::span<char> into) override {
    const ssize_t n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
    if (n < 0) return {0, POLLIN, false};
    return {static_cast<size_t>(n), 0, n == 0};
  }
  Try try_write(std::string_view bytes) override {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return {0, POLLOUT, false};
    return {static_cast<size_t>(n), 0, false};
  }
  size_t read(std::span<char>, Deadline) override { return 0; }
  void write(std::string_view, Deadline) override {}
  [[nodiscard]] int read_fd() const override { return fd_; }
  [[nodiscard]] std::string version() const override { return ""; }
  [[nodiscard]] std::string cipher() const override { return ""; }
  void shutdown() override { ::shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
};

struct Link {
  Link() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  OwnedFd ours, theirs;
};

// As much as goes in.
size_t fill(int fd) {
  const std::string block(4096, 'x');
  size_t all = 0;
  for (ssize_t n; (n = ::send(fd, block.data(), block.size(), MSG_DONTWAIT)) > 0;)
    all += static_cast<size_t>(n);
  return all;
}

}  // namespace

// A client that asked for much and reads nothing: the session gives up after its time; the relay,
// which held a full buffer, used to wait for that client for ever.
TEST_CASE("relay: it does not outlive its session for a client that does not read") {
  Link client, session;
  PlainTls tls(client.ours.get());
  fill(client.ours.get());
  fill(session.theirs.get());
  bool timed_out = false;
  std::thread relaying([&] {
    try {
      relay(tls, session.ours.get(), 40);
    } catch (const ConnectionOver& over) {
      timed_out = over.why() == ConnectionOver::Why::Timeout;
    }
  });
  ::poll(nullptr, 0, 100);  // it waits for the client now
  session.theirs.reset();
  relaying.join();
  CHECK(timed_out);
}

TEST_CASE("relay: all that a session left reaches a client that is only slow") {
  Link client, session;
  PlainTls tls(client.ours.get());
  const size_t before = fill(client.ours.get());
  const size_t left = fill(session.theirs.get());
  std::thread relaying([&] { relay(tls, session.ours.get(), 5000); });
  ::poll(nullptr, 0, 50);
  session.theirs.reset();
  ::poll(nullptr, 0, 50);
  size_t all = 0;
  char window[8192];
  for (ssize_t n; (n = ::recv(client.theirs.get(), window, sizeof window, 0)) > 0;)
    all += static_cast<size_t>(n);
  relaying.join();
  CHECK(all == before + left);
}

}  // namespace dmail

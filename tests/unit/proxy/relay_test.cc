#include "tools/proxy/relay.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "io/connection_over.h"
#include "io/owned_fd.h"

namespace dmail::proxy {
namespace {

struct Link {
  Link() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  OwnedFd ours, theirs;
};

std::string read_all(int fd) {
  std::string out;
  char window[4096];
  for (ssize_t n; (n = ::read(fd, window, sizeof window)) > 0;)
    out.append(window, static_cast<size_t>(n));
  return out;
}

}  // namespace

TEST_CASE("relay: bytes both ways, the server ends") {
  Link client, server;
  std::thread relaying([&] {
    SocketEnd c(client.theirs.get()), s(server.ours.get());
    relay(c, s, {5000});
    client.theirs.reset();
    server.ours.reset();
  });
  REQUIRE(::write(client.ours.get(), "hello", 5) == 5);
  char window[5];
  REQUIRE(::read(server.theirs.get(), window, 5) == 5);
  const std::string much(3 << 20, 'x');
  std::thread writing([&] {
    for (size_t at = 0; at < much.size();)
      at += static_cast<size_t>(::write(server.theirs.get(), much.data() + at, much.size() - at));
    server.theirs.reset();
  });
  CHECK(read_all(client.ours.get()).size() == much.size());
  writing.join();
  relaying.join();
}

TEST_CASE("relay: a client that ends its side still gets the last words") {
  Link client, server;
  std::thread relaying([&] {
    SocketEnd c(client.theirs.get()), s(server.ours.get());
    relay(c, s, {5000});
    client.theirs.reset();
  });
  REQUIRE(::write(client.ours.get(), "QUIT", 4) == 4);
  ::shutdown(client.ours.get(), SHUT_WR);
  CHECK(read_all(server.theirs.get()) == "QUIT");
  REQUIRE(::write(server.theirs.get(), "bye", 3) == 3);
  server.theirs.reset();
  CHECK(read_all(client.ours.get()) == "bye");
  relaying.join();
}

TEST_CASE("relay: silence, and a server that doesn't end, have their limits") {
  Link client, server;
  SocketEnd c(client.theirs.get()), s(server.ours.get());
  CHECK_THROWS_AS(relay(c, s, {50}), ConnectionOver);
  client.ours.reset();
  const int64_t began = monotonic_ms();
  CHECK_THROWS_AS(relay(c, s, {60'000, 50}), ConnectionOver);
  CHECK(monotonic_ms() - began < 10'000);
}

}  // namespace dmail::proxy

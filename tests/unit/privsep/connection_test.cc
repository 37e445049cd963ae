#include "privsep/connection.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "io/clock.h"
#include "io/owned_fd.h"
#include "privsep/frame.h"
#include "privsep/monitor_parts.h"

namespace dmail::privsep {
namespace {

struct Pair {
  OwnedFd client, server;
};

Pair loopback() {
  const OwnedFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener.get(), plain, size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  REQUIRE(::getsockname(listener.get(), plain, &size) == 0);
  Pair pair;
  pair.client.reset(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(pair.client.get(), plain, size) == 0);
  pair.server.reset(::accept(listener.get(), nullptr, nullptr));
  REQUIRE(pair.server.valid());
  return pair;
}

}  // namespace

TEST_CASE("connection: the addresses of a TCP connection") {
  const Pair pair = loopback();
  auto ends = endpoints_of(pair.server.get());
  REQUIRE(ends.ok());
  CHECK(ends->client_ip == "127.0.0.1");
  CHECK(ends->local_ip == "127.0.0.1");
  CHECK(ends->client_port != 0);
}

TEST_CASE("connection: a pipe and a Unix socket are this host itself") {
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  const OwnedFd in(fds[0]), out(fds[1]);
  REQUIRE(endpoints_of(in.get()).ok());
  CHECK(endpoints_of(in.get())->client_ip.empty());
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  const OwnedFd a(fds[0]), b(fds[1]);
  REQUIRE(endpoints_of(a.get()).ok());
  CHECK(endpoints_of(a.get())->client_ip.empty());
}

TEST_CASE("connection: a refusal waits until its time, whatever the jailed process says") {
  auto made = Channel::make();
  REQUIRE(made.ok());
  auto& [monitor, other] = *made;
  Channel jailed(std::move(other));
  SECTION("it asks on, and says that there is no more to come") {
    jailed.send(Frame(1, {"next"}), Deadline::in_seconds(1));
    REQUIRE(::shutdown(jailed.fd(), SHUT_WR) == 0);
    const int64_t began = monotonic_ms();
    wait_after_refusal(began, 150, monitor.fd());
    CHECK(monotonic_ms() - began >= 150);
  }
  SECTION("it is gone") {
    jailed.close();
    const int64_t began = monotonic_ms();
    wait_after_refusal(began, 60'000, monitor.fd());
    CHECK(monotonic_ms() - began < 10'000);
  }
}

TEST_CASE("connection: a refused name is answered as one that the module knows nothing of") {
  struct Module : auth::Authenticator {
    auth::Answer::Kind kind = auth::Answer::Kind::No;
    std::string asked;
    auth::Answer answer(const account::Name& name) {
      asked = name.auth_name;
      auth::Answer a;
      a.kind = kind;
      a.text = "module";
      a.facts.uid = 7;
      return a;
    }
    auth::Answer check(const account::Name& name, std::string_view) override {
      return answer(name);
    }
    auth::Answer lookup(const account::Name& name) override { return answer(name); }
    auth::Answer secret(const account::Name& name, std::string_view) override {
      return answer(name);
    }
    auth::Answer token(const account::Name& name, std::string_view) override {
      return answer(name);
    }
  } module;
  const Result<account::Name> refused = Error{ErrorKind::BadInput, "", "a rule"};
  using Kind = auth::Answer::Kind;
  for (const Kind said : {Kind::No, Kind::Ok, Kind::Dead}) {
    module.kind = said;
    const auth::Answer answer = check_password(module, refused, "secret");
    CHECK(module.asked == "nobody-of-this-name");
    CHECK(answer.kind == (said == Kind::Dead ? Kind::Dead : Kind::No));
    CHECK(answer.text == (said == Kind::Dead ? "module" : "a rule"));
    if (said != Kind::Dead) CHECK_FALSE(answer.facts.uid);
  }
}

TEST_CASE("connection: a clear password needs an address that is named") {
  conf::Settings s;
  CHECK(plaintext_ok(s, "127.0.0.1"));
  CHECK(plaintext_ok(s, "::ffff:127.0.0.1"));
  CHECK(plaintext_ok(s, "::1"));
  CHECK(plaintext_ok(s, ""));
  CHECK_FALSE(plaintext_ok(s, "192.0.2.1"));
  for (const char* nobody : {"", "!10.*", "none"}) {
    s.plaintext_login_from.clear();
    if (*nobody != '\0') s.plaintext_login_from = {nobody};
    INFO(nobody);
    CHECK_FALSE(plaintext_ok(s, "192.0.2.1"));
    CHECK_FALSE(plaintext_ok(s, "127.0.0.1"));
  }
}

// It sent its commands and reset the connection: what it sent can still be read, but its address is
// lost.  It must not be served as a connection from this host.
TEST_CASE("connection: a client that has reset the connection is no local client") {
  Pair pair = loopback();
  REQUIRE(::send(pair.client.get(), "a LOGIN joe x\r\n", 15, 0) == 15);
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(pair.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  pair.client.reset();
  pollfd p{pair.server.get(), 0, 0};
  REQUIRE(::poll(&p, 1, 5000) == 1);
  CHECK_FALSE(endpoints_of(pair.server.get()).ok());
}

}  // namespace dmail::privsep

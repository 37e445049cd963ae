#include <catch2/catch.hpp>

#include <crypt.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <thread>

#include "auth/authenticator.h"
#include "auth/passwd_file.h"
#include "io/owned_fd.h"
#include "scratch.h"

using namespace dmail;
using namespace dmail::auth;
using Kind = Answer::Kind;

namespace {
std::string hashed(const char* password, const char* setting) {
  crypt_data work{};
  return ::crypt_r(password, setting, &work);
}
}  // namespace

TEST_CASE("vdomain_passwd: right, wrong, unknown, locked") {
  Scratch scratch;
  const std::string bob = hashed("secret", "$y$j75$dmaildmaildmaildmail00$");
  REQUIRE(bob.size() > 30);
  const std::string path = scratch.file(
      "passwd", "# comment\n\nbob:" + bob + ":1000:100:Bob:/home/bob:/bin/sh\nlocked:!" + bob +
                    ":1:1\nopen::1:1\nstar:*:1:1\nshort:x\n:" + bob + ":0:0\nbob::0:0\nplain");
  CHECK(check_passwd_file(path, "bob", "secret").ok());
  CHECK_FALSE(check_passwd_file(path, "bob", "secret").facts.uid);
  for (const char* user :
       {"bob", "BOB", "alice", "locked", "open", "star", "short", "", "plain", "bob:"})
    for (const char* password : {"", "wrong", "x"})
      CHECK(check_passwd_file(path, user, password).kind == Kind::No);
  for (const char* user : {"locked", "open", "star", "alice"})
    CHECK(check_passwd_file(path, user, "secret").kind == Kind::No);
  CHECK(lookup_passwd_file(path, "locked").ok());
  CHECK(lookup_passwd_file(path, "alice").kind == Kind::No);
}

TEST_CASE("vdomain_passwd: a file that cannot be trusted is Dead") {
  Scratch scratch;
  CHECK(check_passwd_file(scratch / "absent", "bob", "x").kind == Kind::Dead);
  CHECK(check_passwd_file(scratch.file("w", "bob:x\n", 0666), "bob", "x").kind == Kind::Dead);
  const std::string target = scratch.file("t", "bob:x\n", 0600);
  REQUIRE(::symlink(target.c_str(), (scratch / "link").c_str()) == 0);
  CHECK(check_passwd_file(scratch / "link", "bob", "x").kind == Kind::Dead);
  CHECK(check_passwd_file("/dev/null", "bob", "x").kind == Kind::Dead);
}

TEST_CASE("an unknown user costs what a wrong password costs") {
  Scratch scratch;
  const std::string bob = hashed("secret", "$y$j9T$dmaildmaildmaildmail00$");
  REQUIRE(bob.starts_with("$y$"));  // also the hash used when a file has none
  const std::string path = scratch.file("passwd", "bob:" + bob + "\nlocked:*\n");
  const std::string none = scratch.file("none", "", 0644);
  // Of this thread's processor time, and the best of each in turns until they agree: whatever else
  // runs on the machine makes any of them seem slow.
  const auto cost = [](const std::string& file, const char* user, int64_t best) {
    timespec before{}, after{};
    REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before) == 0);
    CHECK(check_passwd_file(file, user, "wrong").kind == Kind::No);
    REQUIRE(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after) == 0);
    return std::min<int64_t>(
        best, (after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec);
  };
  int64_t wrong = INT64_MAX, unknown = INT64_MAX, locked = INT64_MAX, without = INT64_MAX;
  const auto agree = [&] {
    const auto [low, high] = std::minmax({wrong, unknown, locked, without});
    return high < 2 * low;
  };
  for (int i = 0; i < 60 && (i == 0 || !agree()); ++i) {
    wrong = cost(path, "bob", wrong);
    unknown = cost(path, "alice", unknown);
    locked = cost(path, "locked", locked);
    without = cost(none, "bob", without);
  }
  CAPTURE(wrong, unknown, locked, without);
  CHECK(agree());
}

TEST_CASE("the domain's file is asked before the module") {
  Scratch scratch;
  conf::Settings settings;
  settings.authent_method = "external";
  settings.authent_process = "/nonexistent";
  auto a = make_authenticator(settings, {});
  account::Name name;
  name.user = name.auth_name = "bob";
  name.passwd_file = scratch.file("p", "bob:" + hashed("secret", "$6$saltsalt$") + ":0:0\n");
  CHECK(a->check(name, "secret").ok());
  CHECK(a->check(name, "").kind == Kind::No);
  CHECK(a->lookup(name).ok());
}

TEST_CASE("a resident module over a socket") {
  Scratch scratch;
  const std::string path = scratch / "s";
  OwnedFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 4) == 0);
  std::thread server([&] {
    for (const char* reply : {"+OK bob config 0\n", "-ERR no\n", ""}) {
      OwnedFd c(::accept(listener.get(), nullptr, nullptr));
      char question[256];
      if (::recv(c.get(), question, sizeof question, 0) > 0)
        (void)::send(c.get(), reply, std::strlen(reply), MSG_NOSIGNAL);
    }
  });
  conf::Settings settings;
  settings.authent_method = "external";
  settings.authent_process = "unix:" + path;
  settings.authent_timeout = 5;
  account::Name name;
  name.user = name.auth_name = "bob";
  Options options;
  options.module_uid = options.module_gid = 65534;
  auto a = make_authenticator(settings, options);
  CHECK(a->check(name, "x").ok());
  CHECK(a->check(name, "x").kind == Kind::No);
  CHECK(a->check(name, "x").kind == Kind::Dead);  // hung up without an answer
  server.join();
}

#include "privsep/places.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <list>

#include "io/file.h"

namespace dmail::privsep {
namespace {

struct Host {
  std::string path;
  conf::Settings settings;
  log::Log log;
  Host() : log(log::Log::open({"/nonexistent", "test", 0, 1}, log::Level::Error)) {
    char name[] = "/tmp/dmail-places-XXXXXX";
    path = ::mkdtemp(name);
    settings.work_path = path;
    settings.max_connections_per_ip = 3;
    settings.max_sessions_per_user = 2;
  }
  ~Host() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

TEST_CASE("places: as many as the limit, then none, then one when one is left") {
  Host host;
  std::list<Places> taken;
  for (int i = 0; i < 3; ++i)
    CHECK(taken.emplace_back(host.settings, host.log).take_address("192.0.2.1"));
  Places late(host.settings, host.log);
  CHECK_FALSE(late.take_address("192.0.2.1"));
  CHECK(late.take_address("192.0.2.2"));
  taken.pop_front();
  CHECK(late.take_address("192.0.2.1"));
  Places later(host.settings, host.log);
  CHECK_FALSE(later.take_address("192.0.2.1"));
}

TEST_CASE("places: IPv6 by its /64, and who is exempt") {
  Host host;
  std::list<Places> taken;
  for (const char* ip : {"2001:db8::1", "2001:db8::2", "2001:db8::3"})
    CHECK(taken.emplace_back(host.settings, host.log).take_address(ip));
  Places late(host.settings, host.log);
  CHECK_FALSE(late.take_address("2001:db8::4"));
  CHECK(late.take_address("2001:db8:0:1::4"));
  for (int i = 0; i < 10; ++i) {
    CHECK(taken.emplace_back(host.settings, host.log).take_address("127.0.0.1"));
    CHECK(taken.emplace_back(host.settings, host.log).take_address("::1"));
    CHECK(taken.emplace_back(host.settings, host.log).take_address(""));
  }
  host.settings.login_delay_exempt = {};
  for (int i = 0; i < 3; ++i) taken.emplace_back(host.settings, host.log).take_address("127.0.0.1");
  CHECK_FALSE(late.take_address("127.0.0.1"));
}

TEST_CASE("places: sessions of a user, by service") {
  Host host;
  Places a(host.settings, host.log), b(host.settings, host.log), c(host.settings, host.log);
  CHECK(a.take_user("imap", "joe"));
  CHECK(b.take_user("imap", "joe"));
  CHECK_FALSE(c.take_user("imap", "joe"));
  CHECK(c.take_user("pop", "joe"));
  CHECK(c.take_user("imap", "ann"));
  a.leave_user();
  CHECK(c.take_user("imap", "joe"));
}

TEST_CASE("places: no limit, no file") {
  Host host;
  host.settings.max_connections_per_ip = host.settings.max_sessions_per_user = 0;
  Places a(host.settings, host.log);
  CHECK(a.take_address("192.0.2.1"));
  CHECK(a.take_user("imap", "joe"));
  CHECK_FALSE(std::filesystem::exists(host.path + "/places"));
  std::vector<std::pair<int, int>> descriptors;
  a.add_to(descriptors);
  CHECK(descriptors.empty());
}

TEST_CASE("places: held by a process that inherits the descriptor, freed by kill -9") {
  Host host;
  host.settings.max_connections_per_ip = 1;
  pid_t child = -1;
  {
    Places places(host.settings, host.log);
    REQUIRE(places.take_address("192.0.2.1"));
    child = ::fork();
    if (child == 0)
      for (;;) ::pause();
  }
  Places late(host.settings, host.log);
  CHECK_FALSE(late.take_address("192.0.2.1"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(late.take_address("192.0.2.1"));
}

TEST_CASE("places: what a session holds cannot be written to") {
  Host host;
  Places places(host.settings, host.log);
  REQUIRE(places.take_address("192.0.2.1"));
  REQUIRE(places.take_user("imap", "joe"));
  std::vector<std::pair<int, int>> descriptors;
  places.add_to(descriptors);
  REQUIRE(descriptors.size() == 2);
  for (const auto& [fd, number] : descriptors) {
    CHECK((number == kAddressPlaceFd || number == kUserPlaceFd));
    CHECK(::write(fd, "x", 1) < 0);
    CHECK(::ftruncate(fd, 100) < 0);
  }
}

TEST_CASE("places: a directory of another, or a link, is not used and stops nobody") {
  Host host;
  host.settings.max_connections_per_ip = 1;
  const std::string path = host.path + "/places";
  SECTION("a link") {
    REQUIRE(::mkdir((host.path + "/other").c_str(), 0700) == 0);
    REQUIRE(::symlink("other", path.c_str()) == 0);
  }
  SECTION("open to others") {
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    REQUIRE(::chmod(path.c_str(), 0770) == 0);
  }
  SECTION("a file") { REQUIRE(replace_file(path, "")); }
  Places a(host.settings, host.log), b(host.settings, host.log);
  CHECK(a.take_address("192.0.2.1"));
  CHECK(b.take_address("192.0.2.1"));
  CHECK_FALSE(std::filesystem::exists(host.path + "/other/" + "00"));
  std::vector<std::pair<int, int>> descriptors;
  a.add_to(descriptors);
  CHECK(descriptors.empty());
}

}  // namespace dmail::privsep

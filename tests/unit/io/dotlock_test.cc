// Dotlocks (reliability F11, F12): those of dead processes go at once, those of others hold, and
// what somebody put in their place is never followed.
#include "io/file_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/owned_fd.h"

namespace dmail {
namespace {

constexpr int kStaleSeconds = 300;

std::string scratch() {
  char name[] = "/tmp/dmail-lock.XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  return name;
}

struct Place {
  std::string dir = scratch();
  std::string file = dir + "/joe";
  OwnedFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  ~Place() { (void)!std::system(("rm -rf " + dir).c_str()); }

  [[nodiscard]] std::string lock_name() const { return file + ".lock"; }
  bool had(int patience_ms = 60) {
    auto lock =
        FileLock::take_with_dotlock(fd.get(), file, Deadline::in_ms(patience_ms), kStaleSeconds);
    if (!lock) CHECK(lock.error().kind == ErrorKind::InUse);
    return lock.ok();
  }
  void left(std::string_view text, int64_t age) {
    REQUIRE(replace_file(lock_name(), text, 0600).ok());
    const utimbuf times{wall_seconds() - age, wall_seconds() - age};
    REQUIRE(::utime(lock_name().c_str(), &times) == 0);
  }
};

std::string this_host() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

pid_t dead_process() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

}  // namespace

TEST_CASE("dotlock: made, exclusive, and gone with its owner") {
  Place p;
  {
    auto lock =
        FileLock::take_with_dotlock(p.fd.get(), p.file, Deadline::in_ms(100), kStaleSeconds);
    REQUIRE(lock.ok());
    const auto text = read_file(p.lock_name(), 512);
    REQUIRE(text.ok());
    CHECK(*text == concat(::getpid(), '\n', this_host(), '\n'));
  }
  CHECK(::access(p.lock_name().c_str(), F_OK) != 0);
}

TEST_CASE("F12: a dotlock of a process of this host that is dead goes at once") {
  Place p;
  p.left(concat(dead_process(), '\n', this_host(), '\n'), 0);
  CHECK(p.had());
}

TEST_CASE("F12: a dotlock of a living process holds, however old it is") {
  Place p;
  const pid_t living = ::fork();
  if (living == 0)
    for (;;) ::pause();
  p.left(concat(living, '\n', this_host(), '\n'), 10 * kStaleSeconds);
  CHECK_FALSE(p.had());
  CHECK(::access(p.lock_name().c_str(), F_OK) == 0);
  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
  CHECK(p.had());
}

TEST_CASE("F12: a dotlock of ours that could not be removed does not keep us out") {
  Place p;
  p.left(concat(::getpid(), '\n', this_host(), '\n'), 0);
  CHECK(p.had());
}

TEST_CASE("F12: a dotlock of another host holds until it is old") {
  Place p;
  const std::string text = concat(dead_process(), "\nanother.example\n");
  p.left(text, 5);
  CHECK_FALSE(p.had());
  p.left(text, kStaleSeconds + 5);
  CHECK(p.had());
}

TEST_CASE("F12: a dotlock without a number (other agents) holds until it is old") {
  for (const std::string_view text : {"", "0\n", "no number\n", "99999999999999\n"}) {
    Place p;
    p.left(text, 5);
    CHECK_FALSE(p.had());
    p.left(text, -3600);  // of a clock that is ahead
    CHECK_FALSE(p.had());
    p.left(text, kStaleSeconds + 5);
    CHECK(p.had());
  }
}

TEST_CASE("F12: killed while it holds the lock, a process leaves nothing that lasts") {
  Place p;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const OwnedFd own(::open(p.file.c_str(), O_RDWR | O_CLOEXEC));
    auto lock = FileLock::take_with_dotlock(own.get(), p.file, Deadline::in_ms(1000), 300);
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char c = 0;
  REQUIRE(::read(ready[0], &c, 1) == 1);
  CHECK_FALSE(p.had());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  CHECK(::access(p.lock_name().c_str(), F_OK) == 0);
  CHECK(p.had());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("F11: what stands in the place of the lock is not followed, opened or removed") {
  Place p;
  SECTION("a symbolic link") {
    REQUIRE(::symlink((p.dir + "/victim").c_str(), p.lock_name().c_str()) == 0);
  }
  SECTION("a pipe") { REQUIRE(::mkfifo(p.lock_name().c_str(), 0600) == 0); }
  SECTION("a directory") { REQUIRE(::mkdir(p.lock_name().c_str(), 0700) == 0); }
  CHECK_FALSE(p.had());
  struct stat st {};
  CHECK(::lstat(p.lock_name().c_str(), &st) == 0);
  CHECK(::lstat((p.dir + "/victim").c_str(), &st) != 0);
}

TEST_CASE("F13: another descriptor of the file that is closed drops the lock of no one") {
  Place p;
  auto lock = FileLock::take(p.fd.get(), LockMode::Exclusive, Deadline::in_ms(100));
  REQUIRE(lock.ok());
  ::close(::open(p.file.c_str(), O_RDONLY | O_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const OwnedFd own(::open(p.file.c_str(), O_RDWR | O_CLOEXEC));
    ::_exit(FileLock::take(own.get(), LockMode::Exclusive, Deadline::in_ms(50)).ok() ? 1 : 0);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  CHECK(status == 0);
}

}  // namespace dmail

#include "tools/dmtally/book.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/file_lock.h"
#include "privsep/address_key.h"

namespace dmail::tally {
namespace {

using privsep::Mark;
using privsep::MarkKind;

struct Home {
  std::string path;
  Home() {
    char name[] = "/tmp/dmail-tally-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  [[nodiscard]] std::string book() const { return path + "/tally"; }
  [[nodiscard]] Mark mark(MarkKind kind, const std::string& key) const {
    auto file = open_file(book() + "/marks", O_RDONLY);
    REQUIRE(file);
    char bytes[sizeof(Mark)];
    auto got = read_at(file->get(), bytes, privsep::mark_offset(kind, key));
    REQUIRE(got);
    REQUIRE(*got == sizeof bytes);
    Mark mark;
    std::memcpy(&mark, bytes, sizeof mark);
    return mark;
  }
};

std::unique_ptr<Book> open(const Home& home) {
  auto book = Book::open(home.book());
  INFO((book ? "" : book.error().log));
  REQUIRE(book);
  return std::move(*book);
}

int64_t value(Result<int64_t> r) {
  INFO((r ? "" : r.error().log));
  REQUIRE(r);
  return *r;
}

}  // namespace

TEST_CASE("book: failures of an address are there for the next process, and marked") {
  Home home;
  CHECK(value(open(home)->begin_attempt("192.0.2.7", 1000, 15000)) == 0);
  CHECK(home.mark(MarkKind::Failures, privsep::network_key("192.0.2.7")).until == 0);
  CHECK(value(open(home)->count_failure("192.0.2.7", 1000, 15000)) == 1000);
  CHECK(value(open(home)->count_failure("192.0.2.7", 1000, 15000)) == 2000);
  const int64_t wait = value(open(home)->begin_attempt("192.0.2.7", 1000, 15000));
  CHECK(wait > 1000);
  CHECK(wait <= 2000);
  CHECK(value(open(home)->begin_attempt("192.0.2.8", 1000, 15000)) == 0);
  const Mark mark = home.mark(MarkKind::Failures, privsep::network_key("192.0.2.7"));
  CHECK(mark.until > wall_seconds() + kHalfLife);
  CHECK(mark.until < wall_seconds() + 3 * kHalfLife);
}

TEST_CASE("book: IPv6 failures count for the /64, mapped IPv4 for the address") {
  Home home;
  auto book = open(home);
  CHECK(value(book->count_failure("2001:db8:1:2::1", 1000, 15000)) == 1000);
  CHECK(value(book->count_failure("2001:db8:1:2:ffff::9", 1000, 15000)) == 2000);
  CHECK(value(book->count_failure("2001:db8:1:3::1", 1000, 15000)) == 1000);
  CHECK(value(book->count_failure("192.0.2.9", 1000, 15000)) == 1000);
  CHECK(value(book->count_failure("::ffff:192.0.2.9", 1000, 15000)) == 2000);
  CHECK_FALSE(book->count_failure("nonsense", 1000, 15000));
  CHECK_FALSE(book->count_failure("", 1000, 15000));
}

TEST_CASE("book: a login lets its very address relay, until it expires or is removed") {
  Home home;
  auto book = open(home);
  REQUIRE(book->logged_in("2001:db8::1", "joe", 4));
  REQUIRE(book->logged_in("192.0.2.1", "ann@example.com", 600));
  CHECK(*book->relay_user("2001:db8::1", 4) == "joe");
  CHECK(*book->relay_user("2001:db8:0::1", 4) == "joe");
  CHECK_FALSE(*book->relay_user("2001:db8::2", 4));
  CHECK(*book->relay_user("192.0.2.1", 600) == "ann@example.com");
  std::vector<std::string> seen;
  REQUIRE(book->each_login(600, [&](const Book::Entry& e) { seen.push_back(e.ip); }));
  CHECK(seen == std::vector<std::string>{"192.0.2.1", "2001:db8::1"});
  ::usleep(4100 * 1000);
  CHECK_FALSE(*book->relay_user("2001:db8::1", 4));
  seen.clear();
  REQUIRE(book->each_login(600, [&](const Book::Entry& e) { seen.push_back(e.ip); }));
  CHECK(seen == std::vector<std::string>{"192.0.2.1"});
  CHECK(*book->purge() == 1);
  CHECK(*book->purge() == 0);
  CHECK(*book->remove_login("192.0.2.1"));
  CHECK_FALSE(*book->remove_login("192.0.2.1"));
  CHECK_FALSE(*book->relay_user("192.0.2.1", 600));
  // The mark may still say "ask", but not "recorded already".
  CHECK(home.mark(MarkKind::Relay, privsep::address_key("192.0.2.1")).tag == 0);
}

TEST_CASE("book: lost or damaged marks are made again from the tables") {
  Home home;
  REQUIRE(open(home)->logged_in("192.0.2.1", "joe", 600));
  value(open(home)->count_failure("192.0.2.2", 1000, 15000));
  const std::string marks = home.book() + "/marks";
  SECTION("removed") { REQUIRE(::unlink(marks.c_str()) == 0); }
  SECTION("cut") { REQUIRE(::truncate(marks.c_str(), 100) == 0); }
  SECTION("too long") { REQUIRE(::truncate(marks.c_str(), 99999999) == 0); }
  open(home);
  CHECK(std::filesystem::file_size(marks) == privsep::kMarksSize);
  CHECK(home.mark(MarkKind::Relay, privsep::address_key("192.0.2.1")).until > wall_seconds() + 590);
  CHECK(home.mark(MarkKind::Failures, privsep::network_key("192.0.2.2")).until > wall_seconds());
}

TEST_CASE("book: a link in place of the marks is not followed") {
  Home home;
  open(home);
  const std::string marks = home.book() + "/marks", victim = home.path + "/victim";
  REQUIRE(replace_file(victim, "precious"));
  REQUIRE(::unlink(marks.c_str()) == 0);
  REQUIRE(::symlink(victim.c_str(), marks.c_str()) == 0);
  CHECK_FALSE(Book::open(home.book()));
  CHECK(*read_file(victim, 100) == "precious");
}

TEST_CASE("book: an entry that cannot be read counts as none, and is purged") {
  Home home;
  {
    auto environment = table::Environment::open(home.book());
    REQUIRE(environment);
    auto relay = (*environment)->table("relay.db"), failures = (*environment)->table("failures.db");
    REQUIRE((*relay)->put(privsep::address_key("192.0.2.1"), "garbage"));
    REQUIRE((*relay)->put("x", "1 2 joe"));
    REQUIRE((*failures)->put(privsep::network_key("192.0.2.1"), "\xff\xff"));
  }
  auto book = open(home);
  CHECK_FALSE(*book->relay_user("192.0.2.1", 600));
  CHECK(value(book->begin_attempt("192.0.2.1", 1000, 15000)) == 0);
  int count = 0;
  REQUIRE(book->each_login(600, [&](const Book::Entry&) { ++count; }));
  CHECK(count == 0);
  CHECK(*book->purge() == 2);
}

TEST_CASE("book: purged when due, by one process, and not again at once") {
  Home home;
  auto book = open(home);
  REQUIRE(book->purge_when_due());
  REQUIRE(book->logged_in("192.0.2.1", "joe", 0));  // expired at once
  REQUIRE(book->purge_when_due());
  CHECK(*book->purge() == 1);
}

TEST_CASE("book: what a clock that was ahead has written goes, and what is of a moment ago stays") {
  Home home;
  (void)open(home);  // makes the directory
  const int64_t now_ms = wall_microseconds() / 1000;
  {
    auto environment = table::Environment::open(home.book());
    REQUIRE(environment);
    auto table = (*environment)->table("failures.db");
    REQUIRE(table);
    const int64_t ahead = now_ms + int64_t{10} * 365 * 86400 * 1000;
    REQUIRE((*table)->put(privsep::network_key("192.0.2.1"), serialise(Failures{3, ahead, ahead})));
    REQUIRE((*table)->put(privsep::network_key("192.0.2.2"),
                          serialise(Failures{3, now_ms + 5000, now_ms})));
  }
  auto book = open(home);
  CHECK(*book->purge() == 1);
  CHECK(value(book->count_failure("192.0.2.2", 1, 60000)) == 8);
  // A mark of that clock would make every login of the address start dmtally for ten years.
  const std::string key = privsep::network_key("192.0.2.1");
  const Mark ahead{static_cast<uint32_t>(wall_seconds() + 10 * 365 * 86400), 0};
  char bytes[sizeof ahead];
  std::memcpy(bytes, &ahead, sizeof ahead);
  auto marks = open_file(home.book() + "/marks", O_RDWR);
  REQUIRE(marks);
  REQUIRE(
      write_at(marks->get(), {bytes, sizeof bytes}, privsep::mark_offset(MarkKind::Failures, key)));
  CHECK(value(book->count_failure("192.0.2.1", 1, 60000)) == 1);
  CHECK(home.mark(MarkKind::Failures, key).until < wall_seconds() + 86400);
}

TEST_CASE("book: a full disk fails the call, and nothing that was counted is lost") {
  Home home;
  CHECK(value(open(home)->count_failure("192.0.2.1", 1, 60000)) == 1);
  CHECK(value(open(home)->count_failure("192.0.2.1", 1, 60000)) == 2);
  const pid_t writer = ::fork();
  if (writer == 0) {
    // Every write beyond this size fails, as it would on a full disk.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{600 * 1024, 600 * 1024};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    auto book = Book::open(home.book());
    if (!book) ::_exit(0);
    for (int i = 0; i < 20000; ++i) {
      const std::string ip = concat("10.1.", i / 250, '.', i % 250);
      if (!(*book)->count_failure(ip, 1, 60000)) ::_exit(1);
    }
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);  // some were counted, then one call failed
  auto book = open(home);
  CHECK(value(book->count_failure("192.0.2.1", 1, 60000)) == 4);
  CHECK(value(book->count_failure("10.1.0.0", 1, 60000)) == 2);
  REQUIRE(book->purge());
}

TEST_CASE("book: processes side by side lose no failure") {
  Home home;
  constexpr int kProcesses = 4, kEach = 5;
  for (int p = 0; p < kProcesses; ++p) {
    if (::fork() != 0) continue;
    bool good = true;
    for (int i = 0; i < kEach; ++i) {
      auto book = Book::open(home.book());
      good = good && book && (*book)->count_failure("192.0.2.1", 1, 60000);
    }
    ::_exit(good ? 0 : 1);
  }
  for (int p = 0; p < kProcesses; ++p) {
    int status = 0;
    REQUIRE(::wait(&status) > 0);
    CHECK(status == 0);
  }
  // The 21st costs 2^20; had one been lost, half of that.
  CHECK(value(open(home)->count_failure("192.0.2.1", 1, 1 << 22)) == 1 << 20);
}

TEST_CASE("book: kill -9 in the middle leaves a database that works") {
  Home home;
  constexpr int kRounds = 25;
  for (int round = 0; round < kRounds; ++round) {
    pid_t writers[3];
    for (pid_t& writer : writers) {
      writer = ::fork();
      if (writer != 0) continue;
      for (;;) {
        auto book = Book::open(home.book());
        for (int i = 0; book && i < 3; ++i) (void)(*book)->count_failure("192.0.2.1", 1, 60000);
        if (book) (void)(*book)->logged_in("192.0.2.1", "joe", 600);
      }
    }
    ::usleep(static_cast<useconds_t>(3000 + 1700 * (round % 11)));
    for (const pid_t writer : writers) ::kill(writer, SIGKILL);
    for (const pid_t writer : writers) ::waitpid(writer, nullptr, 0);
    auto book = open(home);
    CHECK(value(book->count_failure("192.0.2.2", 1, 60000)) ==
          delay_ms(static_cast<uint32_t>(round + 1), 1, 60000));
  }
}

TEST_CASE("book: nobody writes a mark while another holds their lock") {
  Home home;
  auto book = open(home);
  const std::string key = privsep::address_key("192.0.2.1");
  REQUIRE(book->logged_in("192.0.2.1", "joe", 600));
  const Mark before = home.mark(MarkKind::Relay, key);
  auto marks = open_file(home.book() + "/marks", O_RDWR);
  REQUIRE(marks);
  auto lock = FileLock::take(marks->get(), LockMode::Exclusive, Deadline::in_seconds(60));
  REQUIRE(lock);
  const pid_t other = ::fork();
  if (other == 0) {
    auto own = Book::open(home.book());
    ::_exit(own && (*own)->logged_in("192.0.2.1", "joe", 6000) ? 1
                                                               : 0);  // it is told that it failed
  }
  int status = -1;
  REQUIRE(::waitpid(other, &status, 0) == other);
  CHECK(status == 0);
  CHECK(home.mark(MarkKind::Relay, key).until == before.until);
  lock->release();
  REQUIRE(book->logged_in("192.0.2.1", "joe", 6000));
  CHECK(home.mark(MarkKind::Relay, key).until > before.until);
}

}  // namespace dmail::tally

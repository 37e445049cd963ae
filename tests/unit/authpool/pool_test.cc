// Copies that behave, die, hang, and talk nonsense; what is remembered, and for how long.
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "../auth/scratch.h"
#include "io/clock.h"
#include "tools/authpool/remembering.h"

using namespace dmail;
using namespace dmail::authpool;

namespace {

struct Site {
  Scratch scratch;
  std::atomic<int> restarts = 0;
  Pool pool;
  Remembering answers;

  explicit Site(const std::string& body, size_t copies = 1, size_t cache = 100, int timeout_s = 2)
      : pool({{scratch.script("cd " + scratch / "." + "\n" + body)}, {"PATH=/usr/bin:/bin"}},
             copies, [this](std::string_view) { ++restarts; }),
        answers(pool, cache, 60, timeout_s) {}

  // As the server asks; what the module itself was asked is in the file `asked`.  A question about
  // nobody, which only comes between two others, is not counted.
  std::string ask(const std::string& line) {
    if (auto quick = answers.quick_answer(line)) return *quick;
    return answers.answer(line, monotonic_ms());
  }
  [[nodiscard]] long asked() const {
    std::ifstream in(scratch / "asked");
    long lines = 0;
    for (std::string line; std::getline(in, line);)
      if (line != "lookup nobody-of-this-name") ++lines;
    return lines;
  }
};

constexpr char kModule[] = R"(while read -r verb user pass; do echo "$verb $user" >>asked
  case $verb-$pass in
    check-right|lookup-) echo "+OK $user config 0";; check-dead) echo '-DEAD no database';;
    check-die) exit;; check-hang) exec sleep 30;; check-twice) printf "+OK $user\n+OK $user\n";;
    check-other) echo "+OK ann config 0";; check-long) head -c 9000 /dev/zero | tr '\0' x;;
    check-flood) while :; do echo '+DATA x'; done;;
    search-) echo "+DATA a"; echo "+DATA b"; echo "+OK 2";;
    check-key) echo "+OK $user config 0 password64=\"eA==\"";;
    set-*) echo "+OK $user added";; *) echo "-ERR $user no";; esac; done)";

}  // namespace

TEST_CASE("a copy is asked again and again; good answers are asked for once") {
  Site s(kModule);
  REQUIRE(s.pool.start());
  for (int i = 0; i < 3; ++i) {
    CHECK(s.ask("check bob right") == "+OK bob config 0\n");
    CHECK(s.ask("lookup bob") == "+OK bob config 0\n");
  }
  CHECK(s.asked() == 2);
  CHECK(s.ask("check bob wrong") == "-ERR bob no\n");
  CHECK(s.ask("check bob dead") == "-DEAD no database\n");
  CHECK(s.ask("check bob dead") == "-DEAD no database\n");
  CHECK(s.ask("check bob wrong") == "-ERR bob no\n");
  CHECK(s.asked() == 6);
  CHECK(s.ask("search *") == "+DATA a\n+DATA b\n+OK 2\n");
  CHECK(s.ask("check bob key") == s.ask("check bob key"));
  CHECK(s.asked() == 9);
  CHECK(s.ask("quit").empty());
  CHECK(s.restarts == 0);
}

TEST_CASE("a changed user is asked about anew, and nobody else") {
  Site s(kModule);
  s.ask("check bob@x.com right");
  s.ask("lookup BOB");
  s.ask("check ann right");
  CHECK(s.asked() == 3);
  CHECK(s.ask("set Bob new") == "+OK Bob added\n");
  s.ask("check bob@x.com right");
  s.ask("lookup BOB");
  CHECK(s.asked() == 6);
  s.ask("check ann right");
  CHECK(s.asked() == 6);
  s.ask("rename ann sue");  // who knows what it changes
  s.ask("check ann right");
  CHECK(s.asked() == 8);
}

TEST_CASE("what was asked before a change does not count after it") {
  Site s(R"(while read -r verb user pass; do
    [ $verb = check ] && { echo x >>asked; sleep 0.5; }; echo "+OK $user"; done)",
         2);
  std::thread slow([&] { s.ask("check bob old"); });
  while (s.asked() == 0) ::usleep(10'000);
  s.ask("set bob new");
  slow.join();
  s.ask("check bob old");
  CHECK(s.asked() == 2);
}

TEST_CASE("without a cache everything is asked") {
  Site s(kModule, 1, 0);
  for (int i = 0; i < 3; ++i) s.ask("check bob right");
  CHECK(s.asked() == 3);
}

TEST_CASE("what goes wrong is -DEAD and ends the copy; its successor answers") {
  for (const char* fault : {"die", "hang", "twice", "other", "long", "flood"}) {
    INFO(fault);
    Site s(kModule, 1, 100, 1);
    REQUIRE(s.pool.start());
    const int64_t began = monotonic_ms();
    CHECK(s.ask(std::string("check bob ") + fault).starts_with("-DEAD "));
    CHECK(monotonic_ms() - began < 25000);  // of 30 s
    CHECK(s.restarts == 1);
    constexpr char kRests[] = "-DEAD the module is being restarted\n";
    const int64_t ended = monotonic_ms();
    std::string next = s.ask("lookup bob");
    if (monotonic_ms() - ended < 50) CHECK(next == kRests);  // on a busy machine it may be there
    while (next == kRests && monotonic_ms() - ended < 60000) {
      ::usleep(10'000);
      next = s.ask("lookup bob");
    }
    CHECK(next == "+OK bob config 0\n");
    CHECK(s.ask("check bob right") == "+OK bob config 0\n");
    s.pool.stop();
  }
}

TEST_CASE("a module that keeps failing is started more and more rarely") {
  Site s("echo x >>asked; exit");
  const int64_t began = monotonic_ms();
  long asked = 0;
  for (int64_t passed = 0; asked < 5 && passed < 60000; passed = monotonic_ms() - began) {
    CHECK(s.ask("lookup bob").starts_with("-DEAD"));
    asked = s.asked();
    // After 0, 100, 300, 700 and 1500 ms, or later.
    const int64_t now = monotonic_ms() - began;
    CHECK(asked <= 1 + (now >= 100) + (now >= 300) + (now >= 700) + (now >= 1500));
    ::usleep(10'000);
  }
  CHECK(asked == 5);
}

TEST_CASE("a module of one answer is simply started again") {
  Site s("read -r verb user pass; echo x >>asked; echo \"+OK $user\"", 1, 0);
  for (int i = 0; i < 4; ++i) {
    CHECK(s.ask("lookup bob") == "+OK bob\n");
    ::usleep(300'000);  // it has ended by then
  }
  CHECK(s.restarts == 0);
}

TEST_CASE("what a copy says unasked answers nobody's question") {
  Site s("echo '+OK bob config 0'; echo x >>asked; while read -r line; do echo '-ERR no'; done");
  REQUIRE(s.pool.start());
  while (s.asked() == 0) ::usleep(10'000);
  CHECK(s.ask("check bob wrong").starts_with("-DEAD"));
}

TEST_CASE("a second answer does not become the answer to the next password") {
  Site s(R"(while read -r verb user pass; do
    [ "$pass" = right ] && { echo "+OK $user"; echo "+OK $user"; } || echo "-ERR $user"; done)",
         1, 0);
  REQUIRE(s.pool.start());
  for (int i = 0; i < 20; ++i) {
    s.ask("check bob right");
    CHECK(s.ask("check bob wrong")[0] == '-');
    if (i == 0) CHECK(s.restarts == 1);
    ::usleep(20'000);
  }
}

TEST_CASE("nor the answer to the next token or question for keys") {
  Site s(R"(while read -r verb user what; do
    case $verb-$what in
      check-right) echo "+OK $user"; sleep 0.001; echo "+OK $user";; *) echo "-ERR $user";; esac; done)",
         1, 0);
  REQUIRE(s.pool.start());
  for (const char* next : {"token bob forged", "secret bob SCRAM-SHA-1"}) {
    for (int i = 0; i < 10; ++i) {
      s.ask("check bob right");
      CHECK(s.ask(next)[0] == '-');
      ::usleep(120'000);  // a copy that was ended rests before the next one is started
    }
  }
}

TEST_CASE("nor to the next lookup: mail for a user who is there is not refused") {
  Site s(R"(while read -r verb user; do
    case $user in bob) echo "+OK $user";; *) echo "-ERR $user"; sleep 0.001; echo "-ERR $user";; esac; done)",
         1, 0);
  REQUIRE(s.pool.start());
  for (int i = 0; i < 10; ++i) {
    CHECK(s.ask("lookup ghost")[0] == '-');
    CHECK_FALSE(s.ask("lookup bob").starts_with("-ERR"));
    ::usleep(120'000);
  }
}

TEST_CASE("one question a copy, and no waiting beyond the time for an answer") {
  Site s(
      "while read -r verb user pass; do echo b >>asked; sleep 2; echo e >>asked; echo \"+OK "
      "$user\"; done",
      2, 0, 20);
  REQUIRE(s.pool.start());
  std::vector<std::thread> two;
  std::atomic<int> good = 0;
  for (int i = 0; i < 2; ++i)
    two.emplace_back([&, i] {
      const std::string user = "u" + std::to_string(i);
      good += s.ask("lookup " + user) == "+OK " + user + "\n" ? 1 : 0;
    });
  for (std::thread& t : two) t.join();
  CHECK(good == 2);
  std::ifstream order(s.scratch / "asked");
  std::string first, second;
  order >> first >> second;
  CHECK(first + second == "bb");  // the second began before the first had ended
  CHECK(s.answers.answer("lookup bob", monotonic_ms() - 30000) ==
        "-DEAD too many questions are waiting\n");
}

TEST_CASE("a program that cannot be run; an end while a copy hangs") {
  Pool none({{"/nonexistent/module"}, {}}, 1, [](std::string_view) {});
  CHECK_FALSE(none.start());
  Site s("exec sleep 30", 1, 0, 20);
  REQUIRE(s.pool.start());
  std::thread asking([&] { CHECK(s.ask("lookup bob").starts_with("-DEAD")); });
  ::usleep(200'000);
  const int64_t began = monotonic_ms();
  s.pool.stop();
  asking.join();
  CHECK(monotonic_ms() - began < 20000);
  CHECK(s.ask("lookup bob").starts_with("-DEAD"));
}

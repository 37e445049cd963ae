#include "table/table.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/number.h"
#include "base/text.h"

using namespace dmail;
using namespace dmail::table;

namespace {

struct Home {
  std::string path;
  Home() {
    char name[] = "/tmp/dmail-table-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Home() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

struct Opened {
  std::unique_ptr<Environment> env;
  std::unique_ptr<Table> table;
  explicit Opened(const std::string& home, EnvironmentOptions options = {}) {
    auto e = Environment::open(home, options);
    INFO((e ? "" : e.error().log));
    REQUIRE(e);
    env = std::move(*e);
    auto t = env->table("t.db");
    INFO((t ? "" : t.error().log));
    REQUIRE(t);
    table = std::move(*t);
  }
};

Status add_one(Table& t) {
  return t.update("n", [](std::optional<std::string_view> old) {
    return std::optional<std::string>(concat(parse_u64(old.value_or("0")).value_or(0) + 1));
  });
}

}  // namespace

TEST_CASE("entries come and go and are there for the next one who opens") {
  Home home;
  {
    Opened o(home.path);
    CHECK_FALSE(o.table->find("a")->has_value());
    REQUIRE(o.table->put("a", "1"));
    REQUIRE(o.table->put("b", std::string("\0x", 2)));
    REQUIRE(o.table->put("a", "2"));
    CHECK(*o.table->remove("zz") == false);
  }
  Opened o(home.path);
  CHECK(**o.table->find("a") == "2");
  CHECK((*o.table->find("b"))->size() == 2);
  CHECK(*o.table->remove("a"));
  CHECK_FALSE(o.table->find("a")->has_value());
  CHECK(o.env->checkpoint());
}

TEST_CASE("scan goes through everything in order, from anywhere, more than one batch") {
  Home home;
  EnvironmentOptions fast;
  fast.sync = false;
  Opened o(home.path, fast);
  for (int i = 1000; i < 1350; ++i) REQUIRE(o.table->put(concat("k", i), concat(i)));
  auto count = [&](std::string_view from) {
    std::string last;
    int n = 0;
    REQUIRE(o.table->scan(from, [&](std::string_view key, std::string_view value) {
      CHECK(key > last);
      CHECK(key.substr(1) == value);
      last = key;
      ++n;
      return true;
    }));
    return n;
  };
  CHECK(count("") == 350);
  CHECK(count("k1100") == 250);
  CHECK(count("k1100x") == 249);
  CHECK(count("z") == 0);
  int n = 0;
  REQUIRE(o.table->scan("", [&](std::string_view, std::string_view) { return ++n < 7; }));
  CHECK(n == 7);
}

TEST_CASE("limits, names and places are checked") {
  Home home;
  Opened o(home.path);
  CHECK_FALSE(o.table->put("", "x"));
  CHECK_FALSE(o.table->put(std::string(kMaxKey + 1, 'k'), "x"));
  CHECK_FALSE(o.table->put("k", std::string(kMaxValue + 1, 'v')));
  CHECK(o.table->put(std::string(kMaxKey, 'k'), std::string(kMaxValue, 'v')));
  for (const char* bad : {"", "../x", "a/b", ".hidden"}) CHECK_FALSE(o.env->table(bad));
  CHECK_FALSE(Environment::open("relative"));
  CHECK_FALSE(Environment::open("/nonexistent/deep/home"));
  Home other;
  std::ofstream(other.path + "/DB_CONFIG") << "set_lg_dir /tmp\n";
  CHECK(Environment::open(other.path).error().kind == ErrorKind::NoPermission);
  Home open_to_all;
  ::chmod(open_to_all.path.c_str(), 0777);
  CHECK_FALSE(Environment::open(open_to_all.path));
}

TEST_CASE("a DB_CONFIG in the current directory is not read") {
  Home home, elsewhere;
  std::ofstream(elsewhere.path + "/DB_CONFIG") << "set_lg_dir /nonexistent\nset_data_dir sub\n";
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(elsewhere.path);
  {
    Opened o(home.path);
    CHECK(o.table->put("a", "1"));
  }
  std::filesystem::current_path(before);
  CHECK(std::filesystem::exists(home.path + "/t.db"));
}

TEST_CASE("read-only sees and does not change") {
  Home home;
  { CHECK(Opened(home.path).table->put("a", "1")); }
  EnvironmentOptions options;
  options.read_only = true;
  Opened o(home.path, options);
  CHECK(**o.table->find("a") == "1");
  CHECK(o.table->put("a", "2").error().kind == ErrorKind::NoPermission);
  Home nothing;
  CHECK_FALSE(Environment::open(nothing.path + "/x", options));
}

TEST_CASE("several processes count without losing one") {
  Home home;
  { Opened o(home.path); }
  constexpr int kProcesses = 4, kEach = 50;
  for (int p = 0; p < kProcesses; ++p) {
    if (::fork() != 0) continue;
    EnvironmentOptions options;
    options.sync = false;
    auto env = Environment::open(home.path, options);
    auto table = env ? (*env)->table("t.db") : Result<std::unique_ptr<Table>>(env.error());
    bool good = table.ok();
    for (int i = 0; i < kEach && good; ++i) good = add_one(**table).ok();
    if (table) table->reset();
    if (env) env->reset();
    ::_exit(good ? 0 : 1);
  }
  for (int p = 0; p < kProcesses; ++p) {
    int status = 0;
    REQUIRE(::wait(&status) > 0);
    CHECK(status == 0);
  }
  Opened o(home.path);
  CHECK(**o.table->find("n") == "200");
}

TEST_CASE(
    "processes killed in the middle of changes: the next open recovers, acknowledged changes are "
    "there") {
  Home home;
  { Opened o(home.path); }
  uint64_t acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    int fds[2];
    REQUIRE(::pipe(fds) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto env = Environment::open(home.path);
      if (!env) ::_exit(1);
      auto table = (*env)->table("t.db");
      while (table && add_one(**table))
        if (::write(fds[1], "+", 1) != 1) break;
      ::_exit(2);
    }
    ::close(fds[1]);
    char acks[256];
    for (int i = 0; i < 20; ++i) acknowledged += static_cast<uint64_t>(::read(fds[0], acks, 1));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    for (ssize_t n; (n = ::read(fds[0], acks, sizeof acks)) > 0;)
      acknowledged += static_cast<uint64_t>(n);
    ::close(fds[0]);
    Opened o(home.path);
    const uint64_t stored = *parse_u64(**o.table->find("n"));
    CHECK(stored >= acknowledged);
    CHECK(stored <= acknowledged + 1);
    acknowledged = stored;
  }
  CHECK(acknowledged >= 100);
}

TEST_CASE("a full disk fails the change, and keeps everything that was acknowledged") {
  for (const rlim_t limit : {rlim_t{400} * 1024, rlim_t{1100} * 1024}) {
    Home home;
    { Opened o(home.path); }
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t writer = ::fork();
    if (writer == 0) {
      // Every write beyond this size fails, as on a full disk.
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit most{limit, limit};
      if (::setrlimit(RLIMIT_FSIZE, &most) != 0) ::_exit(2);
      auto env = Environment::open(home.path);
      auto table = env ? (*env)->table("t.db") : Result<std::unique_ptr<Table>>(env.error());
      uint32_t acknowledged = 0;
      const std::string value(3000, 'v');
      while (table && acknowledged < 5000 &&
             (*table)->put(concat("key", acknowledged), concat(acknowledged, value)))
        ++acknowledged;
      const bool failed = acknowledged < 5000;
      if (::write(ends[1], &acknowledged, sizeof acknowledged) < 0) ::_exit(3);
      ::_exit(failed ? 0 : 1);
    }
    uint32_t acknowledged = 0;
    REQUIRE(::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    ::close(ends[0]);
    ::close(ends[1]);
    int status = 0;
    REQUIRE(::waitpid(writer, &status, 0) == writer);
    CHECK(status == 0);
    INFO(limit << ": " << acknowledged);
    CHECK(acknowledged > 20);
    Opened o(home.path);
    for (uint32_t i = 0; i < acknowledged; ++i) {
      auto found = o.table->find(concat("key", i));
      REQUIRE(found);
      REQUIRE(found->has_value());
      REQUIRE((*found)->starts_with(concat(i, 'v')));
    }
    CHECK(o.table->put("more", "room"));
    CHECK(**o.table->find("more") == "room");
  }
}

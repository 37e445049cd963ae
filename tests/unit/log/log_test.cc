#include "log/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "base/text.h"
#include "io/file.h"

using namespace dmail;
using log::Level;
using log::Log;
namespace fs = std::filesystem;

namespace {

struct TempDir {
  std::string path;
  TempDir() {
    char name[] = "/tmp/dmail-log-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TempDir() { fs::remove_all(path); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
};

std::string text_of(const std::string& path) {
  auto text = read_file(path, 1 << 24);
  return text ? *text : "(" + text.error().log + ")";
}

// The part after "level=... ".
std::string after_level(const std::string& line) {
  const size_t at = line.find("level=");
  return at == std::string::npos ? line : line.substr(at);
}

size_t lines_in(const std::string& s) {
  return static_cast<size_t>(std::count(s.begin(), s.end(), '\n'));
}

}  // namespace

TEST_CASE("a line has time, program, session, level, event and fields") {
  TempDir dir;
  Log log = Log::open({dir.path, "imapd"}, Level::Info);
  CHECK(log.problem().empty());
  log.set_session("abc123");
  const std::string name = "bob";
  log.info(
      "login",
      {{"user", name}, {"ip", "1.2.3.4"}, {"tls", true}, {"n", -7}, {"size", 5000000000u * 2ull}});
  const std::string text = text_of(dir.path + "/imapd.log");
  const std::regex form(
      R"re(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z imapd\[\d+\] sid=abc123 level=info event=login )re"
      R"re(user="bob" ip=1\.2\.3\.4 tls=true n=-7 size=\d+\n)re");
  CHECK(std::regex_match(text, form));
}

TEST_CASE("a value is quoted and escaped however short it is") {
  TempDir dir;
  Log log = Log::open({dir.path, "p"}, Level::Info);
  for (const auto& [value, written] : {std::pair<std::string_view, const char*>{"", R"( v="")"},
                                       {"x", R"( v="x")"},
                                       {" ", R"( v=" ")"},
                                       {"\n", R"( v="\x0a")"},
                                       {"\"", R"( v="\"")"},
                                       {"\\", R"( v="\\")"},
                                       {"a\n", R"( v="a\x0a")"},
                                       {"\r\n", R"( v="\x0d\x0a")"},
                                       {"=\"", R"( v="=\"")"},
                                       {"::", " v=::"}}) {
    log.info("x", {{"v", value}});
    const std::string text = text_of(dir.path + "/p.log");
    INFO(text);
    CHECK(text.ends_with(concat(written, "\n")));
  }
}

TEST_CASE("the date agrees with the C library") {
  TempDir dir;
  Log log = Log::open({dir.path, "p"}, Level::Info);
  const time_t before = ::time(nullptr);
  log.info("x");
  const time_t after = ::time(nullptr);
  const std::string stamp = text_of(dir.path + "/p.log").substr(0, 19);
  bool same = false;
  for (time_t t = before; t <= after; ++t) {
    struct tm tm {};
    ::gmtime_r(&t, &tm);
    char expected[32];
    ::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
    same = same || stamp == expected;
  }
  CHECK(same);
}

TEST_CASE("a client cannot forge a line or a field") {
  TempDir dir;
  Log log = Log::open({dir.path, "p"}, Level::Info);
  log.info("login", {{"user", "x\" ip=9.9.9.9\r\n2026 forged \\ \x80"}, {"ip", "1.2.3.4 level=x"}});
  const std::string text = text_of(dir.path + "/p.log");
  CHECK(lines_in(text) == 1);
  CHECK(after_level(text) ==
        "level=info event=login user=\"x\\\" ip=9.9.9.9\\x0d\\x0a2026 forged \\\\ \\x80\" "
        "ip=\"1.2.3.4 level=x\"\n");
}

TEST_CASE("values and lines are bounded") {
  TempDir dir;
  Log log = Log::open({dir.path, "p"}, Level::Info);
  const std::string huge(100000, '\x01');
  log.info("x", {{"a", huge}, {"b", huge}, {"c", huge}});
  const std::string text = text_of(dir.path + "/p.log");
  CHECK(text.size() <= log::kMaxLogLine);
  CHECK(text.find(" a=\"") != std::string::npos);
  CHECK(text.ends_with(" cut=true\n"));
}

TEST_CASE("levels") {
  TempDir dir;
  Log log = Log::open({dir.path, "p"}, Level::Error);
  log.info("i");
  log.debug("d");
  log.error("e");
  log.set_level(log::level_of("debug"));
  log.debug("d2");
  const std::string text = text_of(dir.path + "/p.log");
  CHECK(lines_in(text) == 2);
  CHECK(text.find("level=error event=e\n") != std::string::npos);
  CHECK(text.find("level=debug event=d2\n") != std::string::npos);
  CHECK(log::level_of("nonsense") == Level::Info);
}

TEST_CASE(
    "the group of the directory may read the file where it may list, and no link is followed") {
  TempDir dir;
  for (const mode_t mask : {0, 077}) {
    ::umask(mask);
    for (const auto& [directory, file] :
         {std::pair<mode_t, mode_t>(0750, 0640), {0755, 0640}, {0711, 0600}, {0700, 0600}}) {
      REQUIRE(::chmod(dir.path.c_str(), directory) == 0);
      Log log = Log::open({dir.path, "p"}, Level::Info);
      struct stat st {};
      REQUIRE(::stat((dir.path + "/p.log").c_str(), &st) == 0);
      CHECK((st.st_mode & 07777) == file);
      fs::remove(dir.path + "/p.log");
    }
  }
  ::umask(022);

  fs::create_symlink(dir.path + "/victim", dir.path + "/q.log");
  Log linked = Log::open({dir.path, "q"}, Level::Info);
  CHECK_FALSE(linked.problem().empty());
  CHECK(linked.fd() == -1);
  linked.info("x");  // goes nowhere, and nothing happens
  CHECK_FALSE(fs::exists(dir.path + "/victim"));

  REQUIRE(::mkfifo((dir.path + "/r.log").c_str(), 0600) == 0);
  CHECK_FALSE(Log::open({dir.path, "r"}, Level::Info).problem().empty());
  CHECK_FALSE(Log::open({dir.path + "/none", "r"}, Level::Info).problem().empty());
}

TEST_CASE("rotation keeps the wanted number of files") {
  TempDir dir;
  const std::string path = dir.path + "/p.log";
  for (int i = 0; i < 5; ++i) {
    Log log = Log::open({dir.path, "p", 10, 2}, Level::Info);
    log.info("number", {{"n", i}});
  }
  CHECK(text_of(path).find("n=4") != std::string::npos);
  CHECK(text_of(path + ".1").find("n=3") != std::string::npos);
  CHECK(text_of(path + ".2").find("n=2") != std::string::npos);
  CHECK_FALSE(fs::exists(path + ".3"));
  // Size 0: never.
  Log log = Log::open({dir.path, "p", 0, 2}, Level::Info);
  log.info("number", {{"n", 5}});
  CHECK(lines_in(text_of(path)) == 2);
}

TEST_CASE("a process that stays rotates too") {
  TempDir dir;
  Log log = Log::open({dir.path, "p", 100 * 1024, 3}, Level::Info);
  const std::string filler(400, 'x');
  for (int i = 0; i < 1000; ++i) log.info("fill", {{"text", filler}});
  CHECK(fs::exists(dir.path + "/p.log.1"));
  CHECK(fs::file_size(dir.path + "/p.log") < 200 * 1024);
}

TEST_CASE("processes that rotate at once rotate once") {
  TempDir dir;
  const std::string path = dir.path + "/p.log";
  for (int round = 0; round < 10; ++round) {
    fs::remove(path + ".1");
    fs::remove(path + ".2");
    { Log(Log::open({dir.path, "p"}, Level::Info)).info("old", {{"text", std::string(300, 'x')}}); }
    constexpr int kChildren = 8;
    for (int i = 0; i < kChildren; ++i) {
      if (::fork() == 0) {
        Log log = Log::open({dir.path, "p", 200, 3}, Level::Info);
        log.info("r");
        ::_exit(0);
      }
    }
    for (int i = 0; i < kChildren; ++i) ::wait(nullptr);
    // Eight short lines may pass 200 bytes, but what was old must not have been moved twice by
    // processes that saw the same old file: every line is still somewhere, exactly once.
    size_t old_lines = 0, new_lines = 0;
    for (const auto& entry : fs::directory_iterator(dir.path)) {
      const std::string text = text_of(entry.path());
      for (std::string_view line : split(text, '\n')) {
        if (line.find("event=old") != std::string::npos) ++old_lines;
        if (line.find("event=r") != std::string::npos) ++new_lines;
      }
    }
    CHECK(old_lines == 1);
    CHECK(new_lines == kChildren);
    for (const auto& entry : fs::directory_iterator(dir.path)) fs::remove(entry.path());
  }
}

TEST_CASE("an inherited descriptor is used, standard error without one") {
  TempDir dir;
  auto fd = open_file(dir.path + "/x", O_WRONLY | O_CREAT | O_APPEND, 0600);
  REQUIRE(fd.ok());
  Log log = Log::inherited("imapd", "s1", "debug", fd->get());
  log.debug("hello");
  CHECK(text_of(dir.path + "/x").find("sid=s1 level=debug event=hello") != std::string::npos);
  CHECK(Log::inherited("imapd", "", "info", 987).fd() == 2);
  // Open, but not as a log.
  auto other = open_file(dir.path + "/x", O_RDWR, 0600);
  REQUIRE(other.ok());
  CHECK(Log::inherited("imapd", "", "info", other->get()).fd() == 2);
}

TEST_CASE("without a log nothing is told to a client whose connection is standard error") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 2);
    Log log = Log::inherited("imapd", "", "info", 987);
    log.error("secret");
    ::_exit(log.fd() == -1 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  char c;
  CHECK(::recv(ends[0], &c, 1, MSG_DONTWAIT) == -1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("lines that cannot be written are counted, and the gap is told") {
  TempDir dir;
  int ends[2];
  REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  REQUIRE(::fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
  Log log = Log::inherited("p", "", "info", ends[1]);
  for (int i = 0; i < 500; ++i) log.info("fill", {{"n", i}});  // far more than the pipe holds
  std::string got;
  char buf[65536];
  for (ssize_t n; (n = ::read(ends[0], buf, sizeof buf)) > 0;)
    got.append(buf, static_cast<size_t>(n));
  const size_t written = lines_in(got);
  CHECK(written < 500);
  log.info("after");
  const ssize_t n = ::read(ends[0], buf, sizeof buf);
  REQUIRE(n > 0);
  const std::string rest(buf, static_cast<size_t>(n));
  CHECK(rest.find(concat("event=log-gap lines=", 500 - written)) != std::string::npos);
  CHECK(rest.find("event=after\n") != std::string::npos);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("session ids") {
  CHECK(log::session_id_of(1577836800000, 1, 0) == "0000000000001");
  CHECK(log::session_id_of(1577836800035, 35, 1) == "0000000z0000z1");
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(log::new_session_id());
  CHECK(ids.size() == 1000);
  for (const std::string& id : ids) {
    CHECK(id.size() <= 16);
    CHECK(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == std::string::npos);
  }
}

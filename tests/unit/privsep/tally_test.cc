#include "privsep/tally.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "privsep/address_key.h"

namespace dmail::privsep {
namespace {

// A host whose dmtally is a script that notes what it was asked.
struct Host {
  std::string path;
  conf::Settings settings;
  log::Log log;
  Host() : log(log::Log::open({"/nonexistent", "test", 0, 1}, log::Level::Error)) {
    char name[] = "/tmp/dmail-tally-XXXXXX";
    path = ::mkdtemp(name);
    settings.work_path = path;
    settings.libexec_path = path + "/bin";
    REQUIRE(::mkdir((path + "/bin").c_str(), 0755) == 0);
    REQUIRE(::mkdir((path + "/tally").c_str(), 0755) == 0);
    log = log::Log::open({path, "log", 0, 1}, log::Level::Error);
  }
  ~Host() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  void answers(const std::string& shell) const {
    REQUIRE(replace_file(
        path + "/bin/dmtally",
        concat("#!/bin/sh\nread line; echo \"$1 $line\" >>", path, "/asked\n", shell, "\n"), 0755));
  }
  [[nodiscard]] std::string asked() const {
    auto text = read_file(path + "/asked", 10000);
    ::unlink((path + "/asked").c_str());
    return text ? *text : "";
  }
  void mark(MarkKind kind, const std::string& key, Mark mark) const {
    auto file = open_file(marks_path(path), O_RDWR | O_CREAT);
    REQUIRE(file);
    REQUIRE(truncate_to(file->get(), kMarksSize));
    char bytes[sizeof mark];
    std::memcpy(bytes, &mark, sizeof mark);
    REQUIRE(write_at(file->get(), {bytes, sizeof bytes}, mark_offset(kind, key)));
  }
  [[nodiscard]] size_t complaints() const {
    auto text = read_file(path + "/log.log", 100000);
    size_t n = 0;
    for (size_t at = 0; text && (at = text->find("event=tally-failed", at)) != text->npos; ++at)
      ++n;
    return n;
  }
};

uint32_t in_seconds(int64_t s) { return static_cast<uint32_t>(wall_seconds() + s); }

}  // namespace

TEST_CASE("tally: without marks it asks; with marks that say nothing it does not") {
  Host host;
  host.answers("echo ok 700");
  CHECK(Tally(host.settings, host.log, {}).wait_ms("192.0.2.1") == 700);
  CHECK(host.asked() == concat(host.path, "/tally wait 192.0.2.1 2000 15000\n"));
  host.mark(MarkKind::Failures, network_key("192.0.2.2"), {in_seconds(100), 0});
  CHECK(Tally(host.settings, host.log, {}).wait_ms("192.0.2.1") == 0);
  CHECK(host.asked().empty());
  CHECK(Tally(host.settings, host.log, {}).wait_ms("192.0.2.2") == 700);
  host.mark(MarkKind::Failures, network_key("192.0.2.2"), {in_seconds(-1), 0});
  (void)host.asked();
  CHECK(Tally(host.settings, host.log, {}).wait_ms("192.0.2.2") == 0);
  CHECK(host.asked().empty());
}

TEST_CASE("tally: a failure is always recorded") {
  Host host;
  host.answers("echo ok 4000");
  host.mark(MarkKind::Failures, "x", {});
  CHECK(Tally(host.settings, host.log, {}).failed("2001:db8::1", "joe") == 4000);
  CHECK(host.asked() == concat(host.path, "/tally failed 2001:db8::1 2000 15000\n"));
}

TEST_CASE("tally: who is exempt pays the plain delay and is not counted") {
  Host host;
  host.answers("echo ok 4000");
  Tally tally(host.settings, host.log, {});
  for (const char* ip : {"127.0.0.1", "127.5.5.5", "::1", "", "::ffff:127.0.0.1"}) {
    CHECK(tally.wait_ms(ip) == 0);
    CHECK(tally.failed(ip, "joe") == 2000);
  }
  host.settings.login_delay = 0;
  CHECK(tally.failed("192.0.2.1", "joe") == 0);
  CHECK(host.asked().empty());
}

TEST_CASE("tally: an empty list exempts nobody") {
  Host host;
  host.answers("echo ok 4000");
  host.settings.login_delay_exempt.clear();
  CHECK(Tally(host.settings, host.log, {}).failed("127.0.0.1", "joe") == 4000);
}

TEST_CASE("tally: a program that fails leaves the plain delay, and one line in the log") {
  Host host;
  SECTION("missing") {}
  SECTION("dies") { host.answers("exit 1"); }
  SECTION("an error") { host.answers("echo error no database"); }
  SECTION("nonsense") { host.answers("echo ok ok ok"); }
  SECTION("a wait over the limit") { host.answers("echo ok 15001"); }
  SECTION("negative") { host.answers("echo ok -1"); }
  SECTION("says too much") { host.answers("yes | tr -d '\\n' | head -c 100000"); }
  {
    Tally tally(host.settings, host.log, {});
    CHECK(tally.wait_ms("192.0.2.1") == 0);
    CHECK(tally.failed("192.0.2.1", "joe") == 2000);
    CHECK(tally.failed("192.0.2.1", "joe") == 2000);
  }
  CHECK(host.complaints() == 1);
}

TEST_CASE("tally: a program that hangs is not waited for longer than kTallyMs") {
  Host host;
  host.answers("exec sleep 60");
  const int64_t began = monotonic_ms();
  CHECK(Tally(host.settings, host.log, {}).failed("192.0.2.1", "joe") == 2000);
  CHECK(monotonic_ms() - began < kTallyMs + 40000);
  CHECK(host.complaints() == 1);
}

TEST_CASE("tally: logins are recorded for those whom forward_user names") {
  Host host;
  host.answers("echo ok");
  Tally tally(host.settings, host.log, {});
  tally.logged_in("192.0.2.1", "joe");
  CHECK(host.asked().empty());
  host.settings.forward_user = {"true"};
  tally.logged_in("192.0.2.1", "joe");
  CHECK(host.asked() == concat(host.path, "/tally login 192.0.2.1 1800 joe\n"));
  host.settings.forward_window = 0;
  tally.logged_in("192.0.2.1", "joe");
  CHECK(host.asked().empty());
}

TEST_CASE("tally: a record that is nearly new is not written again, that of another user is") {
  Host host;
  host.answers("echo ok");
  host.settings.forward_user = {"true"};
  const std::string key = address_key("192.0.2.1");
  host.mark(MarkKind::Relay, key, {in_seconds(1790), mark_tag(key, "joe")});
  Tally tally(host.settings, host.log, {});
  tally.logged_in("192.0.2.1", "joe");
  CHECK(host.asked().empty());
  tally.logged_in("192.0.2.1", "ann");
  CHECK_FALSE(host.asked().empty());
  host.mark(MarkKind::Relay, key, {in_seconds(1500), mark_tag(key, "joe")});
  tally.logged_in("192.0.2.1", "joe");
  CHECK_FALSE(host.asked().empty());
  // The clock was an hour ahead at that login, or forward_window an hour longer.
  host.mark(MarkKind::Relay, key, {in_seconds(5000), mark_tag(key, "joe")});
  tally.logged_in("192.0.2.1", "joe");
  CHECK_FALSE(host.asked().empty());
}

TEST_CASE("tally: relay_user asks only about marked addresses, and forward_user of now decides") {
  Host host;
  host.answers("echo ok joe");
  host.settings.forward_user = {"j*"};
  host.mark(MarkKind::Relay, address_key("192.0.2.1"), {in_seconds(100), 0});
  Tally tally(host.settings, host.log, {});
  CHECK(tally.relay_user("192.0.2.1") == "joe");
  CHECK_FALSE(tally.relay_user("192.0.2.2"));
  host.settings.forward_user = {"ann"};
  CHECK_FALSE(tally.relay_user("192.0.2.1"));
  host.answers("echo ok");
  host.settings.forward_user = {"true"};
  CHECK_FALSE(tally.relay_user("192.0.2.1"));
  host.answers("echo error");
  CHECK_FALSE(tally.relay_user("192.0.2.1"));
}

TEST_CASE("tally: forward_user is true, false or patterns") {
  conf::Settings s;
  CHECK_FALSE(relays_after_login(s, "joe"));
  s.forward_user = {"false"};
  CHECK_FALSE(relays_after_login(s, "joe"));
  s.forward_user = {"TRUE"};
  CHECK(relays_after_login(s, "joe@example.com"));
  s.forward_user = {"!ann", "*"};
  CHECK(relays_after_login(s, "joe"));
  CHECK_FALSE(relays_after_login(s, "ann@example.com"));
  s.forward_user = {"*@example.com"};
  CHECK(relays_after_login(s, "joe@example.com"));
  CHECK_FALSE(relays_after_login(s, "joe"));
  s.forward_user = {"!ann"};  // nothing but refusals names nobody
  CHECK_FALSE(relays_after_login(s, "joe"));
}

}  // namespace dmail::privsep

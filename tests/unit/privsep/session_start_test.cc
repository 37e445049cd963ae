#include "privsep/session_start.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/text.h"

namespace dmail::privsep {
namespace {

SessionStart sample() {
  SessionStart s;
  s.service = "imap";
  s.user = "joe 100%\n\x7f\xc3\xa9";
  s.drop_file = "/var/mail/g/joe\nx";
  s.folders = "/var/mail/g/joe.mbx";
  s.quota_bytes = 18446744073709551615ull;
  s.session_id = "abc-1";
  s.client_ip = "2001:db8::1";
  s.tls = true;
  s.tag = "a%1";
  s.command = "AUTHENTICATE";
  s.pending = std::string("b SELECT INBOX\r\n\0pending 3\n", 27);
  return s;
}

std::string minimal(std::string_view more = "", std::string_view end = "pending 0\n") {
  return concat("dmail-start 1\nservice pop\nuser joe\ndrop /m/joe\n", more, end);
}

}  // namespace

TEST_CASE("session start: a round trip keeps every field and every byte") {
  const SessionStart a = sample();
  auto b = parse_session_start(serialise(a));
  REQUIRE(b.ok());
  CHECK(b->service == a.service);
  CHECK(b->user == a.user);
  CHECK(b->drop_file == a.drop_file);
  CHECK(b->folders == a.folders);
  CHECK(b->quota_bytes == a.quota_bytes);
  CHECK(b->session_id == a.session_id);
  CHECK(b->client_ip == a.client_ip);
  CHECK(b->tls == a.tls);
  CHECK(b->tag == a.tag);
  CHECK(b->command == a.command);
  CHECK(b->pending == a.pending);
}

TEST_CASE("session start: absent facts keep their defaults") {
  auto s = parse_session_start(minimal());
  REQUIRE(s.ok());
  CHECK(s->folders.empty());
  CHECK(s->quota_bytes == 0);
  CHECK_FALSE(s->tls);
  CHECK(s->pending.empty());
}

TEST_CASE("session start: every truncation is refused") {
  const std::string whole = serialise(sample());
  for (size_t n = 0; n < whole.size(); ++n)
    CHECK_FALSE(parse_session_start(std::string_view(whole).substr(0, n)).ok());
  CHECK_FALSE(parse_session_start(whole + "x").ok());
}

TEST_CASE("session start: what the monitor would never write is refused") {
  const std::string_view lines[] = {
      "user other\n",        // twice
      "quota 1\nquota 2\n",  //
      "quota -1\n",          //
      "quota 18446744073709551616\n",
      "tls yes\n",
      "tls 1\ntls 1\n",
      "unknown 1\n",
      "folders x\n",
      "tag \n",
      "tag %\n",
      "tag %4\n",
      "tag %zz\n",
      "tag a\rb\n",
      "\n",
      "set no_such_setting 1\n",
  };
  for (const auto line : lines) CHECK_FALSE(parse_session_start(minimal(line)).ok());
  CHECK_FALSE(parse_session_start(minimal("", "pending 1\n")).ok());
  CHECK_FALSE(parse_session_start(minimal("", "pending 1\nab")).ok());
  CHECK_FALSE(parse_session_start(minimal("", "pending 99999999999\n")).ok());
  CHECK_FALSE(parse_session_start("dmail-start 2\nservice pop\nuser j\ndrop /j\npending 0\n").ok());
  CHECK_FALSE(parse_session_start("dmail-start 1\nservice web\nuser j\ndrop /j\npending 0\n").ok());
  CHECK_FALSE(parse_session_start("dmail-start 1\nservice pop\ndrop /j\npending 0\n").ok());
  CHECK_FALSE(parse_session_start("dmail-start 1\nservice pop\nuser j\ndrop j\npending 0\n").ok());
  CHECK_FALSE(parse_session_start(std::string(kMaxStart + 1, 'x')).ok());
}

TEST_CASE("session start: options of a session run by hand") {
  auto of = [](std::vector<const char*> words) {
    words.insert(words.begin(), "/usr/lib/dmail/dpopd-session");
    return session_start_of(static_cast<int>(words.size()), const_cast<char**>(words.data()),
                            "help");
  };
  auto s = of({"--drop", "/m/joe", "--quota", "77"});
  REQUIRE(s.ok());
  CHECK(s->service == "pop");
  CHECK(s->user == "joe");
  CHECK(s->folders == "/m/joe.mbx");
  CHECK(s->quota_bytes == 77);
  auto relative = of({"--drop", "joe", "--user", "fred", "--folders", "f"});
  REQUIRE(relative.ok());
  CHECK(relative->drop_file.front() == '/');
  CHECK(relative->drop_file.ends_with("/joe"));
  CHECK(relative->folders.ends_with("/f"));
  CHECK(relative->user == "fred");
  CHECK_FALSE(of({"--user", "joe"}).ok());                    // no drop file
  CHECK_FALSE(of({"--drop"}).ok());                           // no value
  CHECK_FALSE(of({"--drop", "/j", "--quota", "-1"}).ok());    //
  CHECK_FALSE(of({"--drop", "/j", "--nonsense", "1"}).ok());  //
  CHECK_FALSE(of({"--drop", "/j", "--set", "nonsense 1"}).ok());
}

// The log that root opened is on a descriptor of this process, which has the uid of its user.
TEST_CASE("session start: a process that a monitor started cannot be traced by its user") {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int ends[2];
    if (::pipe(ends) != 0 || ::write(ends[1], "x", 1) != 1) ::_exit(1);
    ::dup2(ends[0], kStartFd);
    ::close(ends[1]);
    char name[] = "imapd-session";
    char* arguments[] = {name, nullptr};
    (void)session_start_of(1, arguments, "");
    ::_exit(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}

}  // namespace dmail::privsep

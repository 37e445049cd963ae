#include "tools/proxy/pop_login.h"

#include "tests/unit/proxy/scripted.h"

namespace dmail::proxy {
namespace {

privsep::RemoteJob job() {
  privsep::RemoteJob job;
  job.user = "ann";
  job.password = "a b";
  job.client_ip = "2001:db8::9";
  job.client_port = "4711";
  job.session_id = "s+1";
  return job;
}

}  // namespace

TEST_CASE("pop: USER and PASS; no XCLIENT where it is not offered") {
  Talk talk({{"", "+OK hello\r\n"},
             {"XCLIENT TTL=1\r\n", "-ERR what\r\n"},
             {"USER ann\r\n", "+OK\r\n"},
             {"PASS a b\r\n", "+OK 3 messages\r\n"}});
  auto said = pop_login(talk.backend, job());
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(*said == "+OK 3 messages\r\n");
}

TEST_CASE("pop: TLS, XCLIENT, a proxy account") {
  auto j = job();
  j.tls = privsep::RemoteTls::Start;
  j.master = "m";
  j.password = "p";
  Talk talk({{"", "+OK [XCLIENT] hello\r\n"},
             {"STLS\r\n", "+OK go\r\n"},
             {"XCLIENT ADDR=2001:db8::9 PORT=4711 SESSION=s+2B1 TTL=1\r\n", "+OK Updated\r\n"},
             {"AUTH PLAIN\r\n", "+ \r\n"},
             {"YW5uAG0AcA==\r\n", "+OK in\r\n"}});
  auto said = pop_login(talk.backend, j);
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(talk.handshakes == 1);
  CHECK(talk.stream.finished());
}

TEST_CASE("pop: refusals and nonsense") {
  struct Case {
    const char* what;
    std::vector<Scripted::Turn> turns;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"wrong",
       {{"", "+OK\r\n"},
        {"XCLIENT TTL=1\r\n", "+OK\r\n"},
        {"USER ann\r\n", "+OK\r\n"},
        {"PASS a b\r\n", "-ERR [AUTH] no\r\n"}},
       ErrorKind::NoPermission},
      {"busy", {{"", "-ERR busy\r\n"}}, ErrorKind::NoPermission},
      {"hangs up", {{"", "+OK\r\n"}}, ErrorKind::TryLater},
      {"another protocol", {{"", "* OK imap\r\n"}}, ErrorKind::BadInput},
      {"another word", {{"", "+OKAY\r\n"}}, ErrorKind::BadInput},
      {"XCLIENT refused",
       {{"", "+OK [XCLIENT] x\r\n"},
        {"XCLIENT ADDR=2001:db8::9 PORT=4711 SESSION=s+2B1 TTL=1\r\n", "-ERR no\r\n"}},
       ErrorKind::NoPermission},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    Talk talk(c.turns);
    auto said = pop_login(talk.backend, job());
    REQUIRE(!said);
    CHECK(said.error().kind == c.kind);
  }
  auto j = job();
  j.password = "a\r\nDELE 1";
  Talk talk(Scripted::Turns{{"", "+OK\r\n"}, {"XCLIENT TTL=1\r\n", "-ERR\r\n"}});
  CHECK(!pop_login(talk.backend, j));
  CHECK(talk.stream.told_last().empty());
}

}  // namespace dmail::proxy

#include "tools/proxy/imap_login.h"

#include "tests/unit/proxy/scripted.h"

namespace dmail::proxy {
namespace {

privsep::RemoteJob job() {
  privsep::RemoteJob job;
  job.user = "ann";
  job.password = "pa\"ss";
  job.tag = "a1";
  job.client_ip = "192.0.2.9";
  job.client_port = "4711";
  job.session_id = "s1";
  return job;
}

// base64 of NUL ann NUL pa"ss
constexpr const char* kPlain = "AGFubgBwYSJzcw==";
constexpr const char* kId =
    "P3 ID (\"x-session-id\" \"s1\" \"x-originating-ip\" \"192.0.2.9\" \"x-originating-port\" "
    "\"4711\" \"x-proxy-ttl\" \"1\")\r\n";

}  // namespace

TEST_CASE("imap: ID and login in one go where the greeting says enough") {
  Talk talk({{"", "* OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] hello\r\n"},
             {std::string(kId) + "P4 AUTHENTICATE PLAIN " + kPlain + "\r\n",
              "* ID NIL\r\nP3 OK thanks\r\n* OK [ALERT] quota\r\n"
              "P4 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n"}});
  auto said = imap_login(talk.backend, job());
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(*said == "* OK [ALERT] quota\r\na1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n");
  CHECK(talk.stream.finished());
}

TEST_CASE("imap: capabilities are asked for after the login and told to the client") {
  Talk talk({{"", "* OK hello\r\n"},
             {"P2 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nP2 OK\r\n"},
             {"P4 AUTHENTICATE PLAIN\r\n", "+ \r\n"},
             {std::string(kPlain) + "\r\n", "P4 OK in\r\n"},
             {"P5 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 idle\r\nP5 OK\r\n"}});
  auto said = imap_login(talk.backend, job());
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(*said == "a1 OK [CAPABILITY IMAP4REV1 IDLE] in\r\n");
  CHECK(talk.stream.finished());
}

TEST_CASE("imap: another response code keeps its place") {
  Talk talk({{"", "* OK [CAPABILITY AUTH=PLAIN SASL-IR] hello\r\n"},
             {std::string("P4 AUTHENTICATE PLAIN ") + kPlain + "\r\n",
              "* CAPABILITY IMAP4rev1\r\nP4 OK [ALERT] full\r\n"}});
  auto said = imap_login(talk.backend, job());
  REQUIRE(said);
  CHECK(*said == "* CAPABILITY IMAP4REV1\r\na1 OK [ALERT] full\r\n");
}

TEST_CASE("imap: what was said before STARTTLS is forgotten") {
  auto j = job();
  j.tls = privsep::RemoteTls::Start;
  Talk talk({{"", "* OK [CAPABILITY ID AUTH=PLAIN SASL-IR] hello\r\n"},
             {"P1 STARTTLS\r\n", "P1 OK go\r\n"},
             {"P2 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1\r\nP2 OK\r\n"},
             {"P4 LOGIN \"ann\" \"pa\\\"ss\"\r\n", "P4 OK [CAPABILITY X] in\r\n"}});
  auto said = imap_login(talk.backend, j);
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(talk.handshakes == 1);
  CHECK(talk.stream.finished());
}

TEST_CASE("imap: bytes behind the go-ahead for TLS end it") {
  auto j = job();
  j.tls = privsep::RemoteTls::Start;
  Talk talk(
      {{"", "* OK hello\r\n"}, {"P1 STARTTLS\r\n", "P1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"}});
  auto said = imap_login(talk.backend, j);
  REQUIRE(!said);
  CHECK(talk.handshakes == 0);
}

TEST_CASE("imap: TLS that is not to be had means no login") {
  auto j = job();
  j.tls = privsep::RemoteTls::Start;
  Talk talk(Scripted::Turns{{"", "* OK hello\r\n"}, {"P1 STARTTLS\r\n", "P1 BAD what\r\n"}});
  auto said = imap_login(talk.backend, j);
  REQUIRE(!said);
  CHECK(said.error().kind == ErrorKind::NoPermission);
  CHECK(talk.stream.told_last().empty());
}

TEST_CASE("imap: LOGIN with a literal where a quoted string cannot hold it") {
  auto j = job();
  j.password = "p\xc3\xa4";
  Talk talk({{"", "* OK [CAPABILITY IMAP4rev1] hello\r\n"},
             {"P4 LOGIN \"ann\" {3}\r\n", "+ go\r\n"},
             {"p\xc3\xa4\r\n", "P4 OK [CAPABILITY X] in\r\n"}});
  auto said = imap_login(talk.backend, j);
  INFO(talk.stream.wrong);
  REQUIRE(said);
  CHECK(talk.stream.finished());
}

TEST_CASE("imap: a proxy account names the user") {
  auto j = job();
  j.master = "m";
  j.password = "p";
  Talk talk({{"", "* OK [CAPABILITY AUTH=PLAIN SASL-IR] hello\r\n"},
             {"P4 AUTHENTICATE PLAIN YW5uAG0AcA==\r\n", "P4 OK [CAPABILITY X] in\r\n"}});
  CHECK(imap_login(talk.backend, j));
  Talk without(Scripted::Turns{{"", "* OK [CAPABILITY IMAP4rev1] hello\r\n"}});
  CHECK(!imap_login(without.backend, j));
}

TEST_CASE("imap: refusals and nonsense") {
  const std::string login = std::string("P4 AUTHENTICATE PLAIN ") + kPlain + "\r\n";
  const std::string hello = "* OK [CAPABILITY AUTH=PLAIN SASL-IR] hello\r\n";
  struct Case {
    const char* what;
    std::vector<Scripted::Turn> turns;
    ErrorKind kind;
  };
  const Case cases[] = {
      {"wrong password",
       {{"", hello}, {login, "P4 NO [AUTHENTICATIONFAILED] no\r\n"}},
       ErrorKind::NoPermission},
      {"BYE", {{"", "* BYE busy\r\n"}}, ErrorKind::BadInput},
      {"PREAUTH", {{"", "* PREAUTH in already\r\n"}}, ErrorKind::BadInput},
      {"hangs up", {{"", hello}, {login, "* OK"}}, ErrorKind::TryLater},
      {"another protocol", {{"", "+OK pop\r\n"}}, ErrorKind::BadInput},
      {"another tag", {{"", hello}, {login, "P44 OK in\r\n"}}, ErrorKind::BadInput},
      {"unasked continuation", {{"", hello}, {login, "+ \r\n"}}, ErrorKind::BadInput},
      {"no way to log in", {{"", "* OK [CAPABILITY LOGINDISABLED] x\r\n"}}, ErrorKind::BadInput},
      {"long line", {{"", "* OK " + std::string(9000, 'x') + "\r\n"}}, ErrorKind::Limit},
      {"big literal", {{"", hello}, {login, "* ID ({999999}\r\n"}}, ErrorKind::Limit},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    Talk talk(c.turns);
    auto said = imap_login(talk.backend, job());
    REQUIRE(!said);
    CHECK(said.error().kind == c.kind);
  }
  std::string chatter;
  for (int i = 0; i < kMaxBackendLines + 1; ++i) chatter += "* OK still here\r\n";
  Talk talk({{"", hello}, {login, chatter + "P4 OK in\r\n"}});
  CHECK(!imap_login(talk.backend, job()));
}

TEST_CASE("imap: an answer with a literal is skipped whole") {
  Talk talk({{"", "* OK [CAPABILITY AUTH=PLAIN SASL-IR] hello\r\n"},
             {std::string("P4 AUTHENTICATE PLAIN ") + kPlain + "\r\n",
              "* ID (\"name\" {10}\r\nP4 NO no\r\n)\r\nP4 OK [CAPABILITY X] in\r\n"}});
  auto said = imap_login(talk.backend, job());
  REQUIRE(said);
  CHECK(*said == "a1 OK [CAPABILITY X] in\r\n");
}

}  // namespace dmail::proxy

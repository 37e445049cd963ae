// The gate, with a jailed program that asks for what it may not have, and with a dmsasl that says
// what it must not say: both have read bytes from strangers.
#include "privsep/gate.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "../auth/scratch.h"
#include "base/text.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "log/log.h"
#include "privsep/sasl_protocol.h"
#include "privsep/tls_files.h"

namespace dmail::privsep {
namespace {

using Kind = GateAnswer::Kind;

// What dmsasl says, in words that it finds in the realm it is told: want:USER done:USER:FOR
// challenge odd.  It then waits for its end.
[[noreturn]] void speak_as_dmsasl() {
  try {
    Channel channel{OwnedFd(kMonitorFd)};
    const auto begin = sasl_begin_of(*channel.receive(Deadline::in_seconds(60)));
    for (std::string_view rest : split_words(begin->realm)) {
      const std::string_view verb = take_until(rest, ':');
      const std::string first(take_until(rest, ':')), second(rest);
      const Frame frame = verb == "want"   ? Frame(kExchangeWantSecret, {first})
                          : verb == "done" ? Frame(kExchangeDone, {first, second})
                          : verb == "odd"  ? Frame(kExchangeDone, {first})
                                           : Frame(kExchangeChallenge, {"c"});
      channel.send(frame, Deadline::in_seconds(60));
    }
    while (channel.receive(Deadline::in_seconds(60))) continue;
  } catch (const ConnectionOver&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// The gate starts this very program in the place of dmsasl.
__attribute__((constructor)) void dmsasl_instead_of_tests(int argc, char** argv) {
  if (argc == 1 && argv[0] == std::string_view("dmsasl")) speak_as_dmsasl();
}

// Knows bob (secret, keys), and what the other names say.
constexpr const char* kModule = R"(while read -r verb user rest; do
  labels=
  case $user in
    here) [ "$DMAIL_CLIENT_IP" = 10.9.0.1 ] || user="of another name";;
    imapoff) labels=' imap="NO"';; elsewhere) labels=' ip="10.9.*"';; moved) labels=' host="h.example"';;
  esac
  [ "$verb" = secret ] && labels=' password64="c2VjcmV0"'
  if [ "$verb" = check ] && [ "$rest" != secret ]; then echo "-ERR $user wrong"
  else echo "+OK $user config 0$labels"; fi
done)";

struct Site {
  Scratch scratch;
  conf::Settings settings;
  log::Log log;
  Endpoints ends;
  std::pair<Channel, OwnedFd> made = std::move(*Channel::make());
  Channel jailed{std::move(made.second)};
  TlsFiles no_files{settings, log};
  std::unique_ptr<Gate> gate;

  explicit Site(const std::string& dmsasl = "", account::Service service = account::Service::Imap)
      : log(log::Log::open({scratch / "", "gate", 0, 1}, log::Level::Info)) {
    settings.host_domain = {"example.com"};
    settings.drop_path = scratch / "mail";
    settings.work_path = scratch / "";
    settings.libexec_path = scratch / "";
    settings.authent_method = "external";
    settings.authent_process = scratch.script(kModule);
    settings.login_delay = 0;
    // Numbers that need no accounts.
    settings.mail_user = "65531:65531";
    settings.module_user = "65532:65532";
    settings.auth_user = "65533:65533";
    settings.imapd_mechanisms = {"plain login cram-md5 gssapi"};
    settings.kerberos_keytab = scratch.file("keytab", "", 0600);
    ends.client_ip = ends.peer_ip = "127.0.0.1";
    settings.login_realm = dmsasl;
    std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"),
                                    scratch / "dmsasl");
    gate = std::make_unique<Gate>(settings, log, ends, service, made.first);
  }

  GateAnswer answered() {
    auto frame = jailed.receive(Deadline::in_seconds(60));
    REQUIRE(frame);
    auto answer = gate_answer_of(*frame);
    REQUIRE(answer);
    return *answer;
  }
  GateAnswer login(const std::string& user, const std::string& secret = "secret",
                   const std::string& method = "LOGIN") {
    Frame frame(kAuthenticate, {user, secret, method});
    gate->on_authenticate(frame);
    return answered();
  }
  GateAnswer exchange(const std::string& mechanism) {
    Frame frame(kSaslStart, {mechanism, "0", "", "", "", ""});
    gate->on_sasl_start(frame);
    return answered();
  }
  GateAnswer step() {
    Frame frame(kSaslStep, {"x"});
    gate->on_sasl_step(frame);
    return answered();
  }
  std::string logged() const { return *read_file(scratch / "gate.log", 1 << 20); }
};

template <typename Ask>
bool breaks(Ask ask) {
  try {
    ask();
  } catch (const ConnectionOver& over) {
    return over.why() == ConnectionOver::Why::ProtocolBroken;
  }
  return false;
}

}  // namespace

TEST_CASE("gate: a login, and no second one") {
  Site s;
  REQUIRE(s.login("bob").kind == Kind::Accepted);
  REQUIRE(s.gate->login() != nullptr);
  CHECK(s.gate->login()->user == "bob");
  CHECK(s.gate->login()->password.empty());  // nobody will need it
  CHECK(breaks([&] { s.login("bob"); }));
  CHECK(breaks([&] { s.exchange("CRAM-MD5"); }));
  CHECK(breaks([&] { s.gate->client_known(); }));
}

TEST_CASE("gate: a secret is taken by a mechanism that is on offer here, in its own letters") {
  Site s;
  for (const char* method : {"USER", "plain", "CRAM-MD5", "OAUTHBEARER", "GSSAPI", "NONE", ""})
    CHECK(breaks([&] { s.login("bob", "secret", method); }));
  CHECK(s.login("bob", "secret", "PLAIN").kind == Kind::Accepted);
  Site plain;
  plain.settings.imapd_mechanisms = {"cram-md5"};
  for (const char* method : {"LOGIN", "PLAIN"})
    CHECK(breaks([&] { plain.login("bob", "secret", method); }));
  Site far;
  far.ends.client_ip = far.ends.peer_ip = "192.0.2.1";
  far.settings.plaintext_login_from = {"10.*"};
  CHECK(breaks([&] { far.login("bob"); }));
}

TEST_CASE("gate: an exchange is begun as the frames allow") {
  const std::string longest(kMaxSaslMessage, 'x'), binding(kMaxBinding + 1, 'x');
  Site s("want:bob done:bob");
  const std::vector<std::vector<std::string>> illegal = {
      {"cram-md5", "0", "", "", "", ""},
      {"PLAIN", "0", "", "", "", ""},
      {"SCRAM-SHA-1", "0", "", "", "", ""},
      {"APOP", "0", "", "", "", ""},
      {"CRAM-MD5", "2", "", "", "", ""},
      {"CRAM-MD5", "0", "x", "", "", ""},
      {"CRAM-MD5", "1", longest + "x", "", "", ""},
      {"CRAM-MD5", "0", "", "binding", "", ""},
      {"CRAM-MD5", "0", "", "", "binding", ""},
      {"CRAM-MD5", "0", "", "", "", "proof"},
  };
  for (const auto& fields : illegal) {
    CAPTURE(fields[0], fields[1]);
    Frame frame(kSaslStart, fields);
    CHECK(breaks([&] { s.gate->on_sasl_start(frame); }));
  }
  s.gate->set_tls(s.no_files);
  for (const auto& fields : {std::vector<std::string>{"CRAM-MD5", "0", "", binding, "", ""},
                             {"CRAM-MD5", "0", "", "", binding, ""}}) {
    Frame frame(kSaslStart, fields);
    CHECK(breaks([&] { s.gate->on_sasl_start(frame); }));
  }
  Frame frame(kSaslStart, {"CRAM-MD5", "1", longest, "", "", ""});
  s.gate->on_sasl_start(frame);
  CHECK(s.answered().kind == Kind::Accepted);
}

TEST_CASE("gate: tries and cancels are counted for the connection") {
  Site s;
  for (int i = 1; i <= kMaxTries; ++i) {
    const GateAnswer answer = s.login("bob", "wrong");
    CHECK(answer.kind == Kind::Wrong);
    CHECK(answer.last == (i == kMaxTries));
    s.gate->set_tls(s.no_files);  // STARTTLS gives no new ones
  }
  CHECK(breaks([&] { s.login("bob"); }));

  Site cancels("want:bob challenge");
  for (int i = 1; i <= kMaxCancels; ++i) {
    REQUIRE(cancels.exchange("CRAM-MD5").kind == Kind::Challenge);
    cancels.gate->on_sasl_cancel();
    const GateAnswer answer = cancels.answered();
    CHECK(answer.kind == Kind::Cancelled);
    CHECK(answer.last == (i == kMaxCancels));
  }
  CHECK(breaks([&] { cancels.login("bob"); }));

  Site taken_back;
  for (int i = 1; i <= kMaxTries; ++i) {
    REQUIRE(taken_back.login("bob").kind == Kind::Accepted);
    taken_back.gate->take_back_login();
    CHECK(taken_back.answered().last == (i == kMaxTries));
    CHECK(taken_back.gate->login() == nullptr);
  }
  CHECK(breaks([&] { taken_back.login("bob"); }));
}

TEST_CASE("gate: what the module says of the account") {
  Site s;
  CHECK(s.login("imapoff").kind == Kind::Wrong);
  CHECK(s.logged().find("may not use this service") != std::string::npos);
  CHECK(s.login("elsewhere").kind == Kind::Wrong);
  CHECK(s.logged().find("may not log in from this address") != std::string::npos);
  Site pop("", account::Service::Pop);
  CHECK(pop.login("imapoff", "secret", "USER").kind == Kind::Accepted);
  Site proxy;
  proxy.settings.remote_accounts = "proxy";
  REQUIRE(proxy.login("moved").kind == Kind::Accepted);
  CHECK(proxy.gate->login()->password == "secret");
  proxy.gate->forget_password();
  CHECK(proxy.gate->login()->password.empty());
  Site here;
  here.settings.remote_accounts = "proxy";
  REQUIRE(here.login("bob").kind == Kind::Accepted);
  CHECK(here.gate->login()->password.empty());
}

TEST_CASE("gate: facts about TLS come once, after it, and are fit for a log") {
  const auto tells = [](Site& s, std::vector<std::string> fields) {
    return !breaks([&] { s.gate->on_tls_facts(Frame(kTlsFacts, fields)); });
  };
  Site s;
  CHECK_FALSE(tells(s, {"TLSv1.3", "AES", "0"}));
  s.gate->set_tls(s.no_files);
  for (const auto& odd : std::vector<std::vector<std::string>>{{"", "AES", "0"},
                                                               {"TLS v1", "AES", "0"},
                                                               {"TLSv1.3", "AES\n", "0"},
                                                               {"TLSv1.3", "AES", "2"},
                                                               {std::string(81, 'x'), "AES", "0"}})
    CHECK_FALSE(tells(s, odd));
  CHECK(tells(s, {std::string(80, 'x'), "AES", "1"}));
  CHECK_FALSE(tells(s, {"TLSv1.3", "AES", "0"}));
}

TEST_CASE("gate: another address is another question to the module") {
  Site s;
  CHECK(s.login("here").kind == Kind::Temporary);
  s.ends.client_ip = "10.9.0.1";
  s.gate->client_known();
  CHECK(s.login("here").kind == Kind::Accepted);
  Site open("want:bob challenge");
  REQUIRE(open.exchange("CRAM-MD5").kind == Kind::Challenge);
  CHECK(breaks([&] { open.gate->client_known(); }));
}

TEST_CASE("gate: dmsasl is believed for the one name whose secret it has") {
  Site s("want:bob done:bob");
  REQUIRE(s.exchange("CRAM-MD5").kind == Kind::Accepted);
  CHECK(s.gate->login()->user == "bob");
  CHECK(s.gate->login()->method == "CRAM-MD5");
  for (const auto& [says, why] : {std::pair("want:bob done:ann", "a login of somebody else"),
                                  {"done:bob", "a login of somebody else"},
                                  {"want:bob want:bob done:bob", "an unknown frame"},
                                  {"want:bob odd:bob", "an unknown frame"}}) {
    Site site(says);
    CAPTURE(says);
    CHECK(site.exchange("CRAM-MD5").kind == Kind::Temporary);
    CHECK(site.gate->login() == nullptr);
    CHECK(site.logged().find(why) != std::string::npos);
  }
}

TEST_CASE("gate: a mechanism that names the user gets no secret, and names one of ours") {
  Site s("done:bob");
  REQUIRE(s.exchange("GSSAPI").kind == Kind::Accepted);
  CHECK(s.gate->login()->user == "bob");
  Site asks("want:bob done:bob");
  CHECK(asks.exchange("GSSAPI").kind == Kind::Temporary);
  CHECK(asks.logged().find("a secret it has no use for") != std::string::npos);
  Site stranger("done:bob@r.org");
  CHECK(stranger.exchange("GSSAPI").kind == Kind::Wrong);
  Site other("done:bob:ann");
  CHECK(other.exchange("GSSAPI").kind == Kind::Wrong);
  CHECK(other.logged().find("to act for ann") != std::string::npos);
}

TEST_CASE("gate: an exchange has an end") {
  std::string challenges;
  for (int i = 0; i <= kMaxSaslSteps + 1; ++i) challenges += "challenge ";
  Site s(challenges);
  REQUIRE(s.exchange("CRAM-MD5").kind == Kind::Challenge);
  for (int i = 1; i <= kMaxSaslSteps; ++i) CHECK(s.step().kind == Kind::Challenge);
  CHECK(s.step().kind == Kind::Wrong);
  CHECK(s.logged().find("an exchange without end") != std::string::npos);
  CHECK_FALSE(s.gate->exchange_open());
}

}  // namespace dmail::privsep

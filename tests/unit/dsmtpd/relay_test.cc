#include "dsmtpd/relay.h"

#include <catch2/catch.hpp>

namespace dmail::dsmtpd {
namespace {

struct Asked {
  conf::Settings settings;
  std::optional<std::string> recent;
  int questions = 0;
  RelayDecision decide(const RelayFacts& facts) {
    return relay_decision(settings, facts, [this] { return ++questions, recent; });
  }
};

}  // namespace

TEST_CASE("relay: nobody by default, wherever he comes from") {
  Asked a;
  a.recent = "joe";
  for (const char* ip : {"127.0.0.1", "192.0.2.1", "::1", ""})
    CHECK(a.decide({false, "", ip}).rule == RelayRule::Nobody);
  CHECK(a.questions == 0);
}

TEST_CASE("relay: who has logged in") {
  Asked a;
  const auto d = a.decide({false, "joe@example.com", "192.0.2.1"});
  CHECK(d.rule == RelayRule::Login);
  CHECK(d.user == "joe@example.com");
}

TEST_CASE("relay: forward_from_ip, left to right, and a list of refusals opens nothing") {
  Asked a;
  a.settings.forward_from_ip = {"!192.0.2.66", "192.0.2.*", "2001:db8:*"};
  CHECK(a.decide({false, "", "192.0.2.1"}).rule == RelayRule::ForwardFromIp);
  CHECK(a.decide({false, "", "::ffff:192.0.2.1"}).rule == RelayRule::ForwardFromIp);
  CHECK(a.decide({false, "", "2001:db8::1"}).rule == RelayRule::ForwardFromIp);
  CHECK(a.decide({false, "", "192.0.2.66"}).rule == RelayRule::Nobody);
  CHECK(a.decide({false, "", "192.0.20.1"}).rule == RelayRule::Nobody);
  CHECK(a.decide({false, "", ""}).rule == RelayRule::Nobody);
  a.settings.forward_from_ip = {"!192.0.2.66"};
  CHECK(a.decide({false, "", "192.0.2.1"}).rule == RelayRule::Nobody);
  a.settings.forward_from_ip = {"127.0.0.1,192.0.2.*"};  // as the original's set-up writes it
  CHECK(a.decide({false, "", "192.0.2.1"}).rule == RelayRule::ForwardFromIp);
}

TEST_CASE("relay: a recent login, asked for only where it can matter") {
  Asked a;
  a.recent = "joe";
  a.settings.forward_user = {"true"};
  const auto d = a.decide({false, "", "192.0.2.1"});
  CHECK(d.rule == RelayRule::ForwardUser);
  CHECK(d.user == "joe");
  CHECK(a.questions == 1);
  a.decide({false, "ann", "192.0.2.1"});
  a.decide({false, "", ""});
  a.settings.forward_window = 0;
  CHECK(a.decide({false, "", "192.0.2.1"}).rule == RelayRule::Nobody);
  CHECK(a.questions == 1);
  a.settings.forward_window = 60;
  a.recent.reset();
  CHECK(a.decide({false, "", "192.0.2.1"}).rule == RelayRule::Nobody);
  CHECK(a.questions == 2);
}

TEST_CASE("relay: not by LMTP") {
  Asked a;
  a.recent = "joe";
  a.settings.forward_user = {"true"};
  a.settings.forward_from_ip = {"*"};
  CHECK(a.decide({true, "", "192.0.2.1"}).rule == RelayRule::Nobody);
}

TEST_CASE("relay: answers and names of the rules") {
  CHECK(relay_reply({}).enhanced == "5.7.1");
  CHECK(relay_reply({RelayRule::ForwardUser, "joe"}).enhanced == "5.3.2");
  CHECK(relay_reply({RelayRule::Login, "joe"}).code == 550);
  CHECK(rule_name(RelayRule::Nobody) == "nobody");
  CHECK(rule_name(RelayRule::Login) == "login");
  CHECK(rule_name(RelayRule::ForwardFromIp) == "forward_from_ip");
  CHECK(rule_name(RelayRule::ForwardUser) == "forward_user");
}

}  // namespace dmail::dsmtpd

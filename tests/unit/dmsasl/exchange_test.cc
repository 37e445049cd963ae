// Every mechanism against GNU SASL's client: who gets in, who does not, and that nobody can tell
// why.
#include <catch2/catch.hpp>

#include "base/ascii.h"
#include "client.h"
#include "tools/dmsasl/serve.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

const std::vector<std::string> kScram = {"SCRAM-SHA-1", "SCRAM-SHA-256"};
const std::vector<std::string> kWithPassword = {"CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1",
                                                "SCRAM-SHA-256"};
bool client_first(const std::string& mechanism) { return mechanism.starts_with("SCRAM"); }

Outcome login(Server& server, const std::string& user, const std::string& password,
              const std::string& authorize = "") {
  Client client(server.begin.mechanism, user, password);
  if (!authorize.empty()) client.properties[GSASL_AUTHZID] = authorize;
  return converse(server, client, client_first(server.begin.mechanism));
}

// Kind of each outcome up to the end: what an observer sees.
std::vector<OutcomeKind> course(Server& server, const std::string& user,
                                const std::string& password) {
  Client client(server.begin.mechanism, user, password);
  std::vector<OutcomeKind> kinds;
  const bool first = client_first(server.begin.mechanism);
  Outcome outcome = first ? server.start(client.answer("")) : server.start();
  for (kinds.push_back(outcome.kind); !outcome.final(); kinds.push_back(outcome.kind))
    outcome = server.step(client.answer(outcome.bytes));
  return kinds;
}

}  // namespace

TEST_CASE("right password, with and without initial response") {
  for (const std::string& name : kWithPassword) {
    INFO(name);
    Server server(name);
    const Outcome outcome = login(server, "user", "pencil");
    CHECK(outcome.kind == OutcomeKind::Done);
    CHECK(outcome.user == "user");
    CHECK(outcome.authorize.empty());
    CHECK(server.users.asked == std::vector<std::string>{"user"});
  }
  for (const std::string& name : kScram) {
    Server server(name);
    Client client(name);
    CHECK(converse(server, client, false).kind == OutcomeKind::Done);
    CHECK(client.finished);  // and the client knows that we know the keys, too
    Server empty(name);
    REQUIRE(empty.start("").kind == OutcomeKind::Challenge);
    CHECK(empty.step("").kind == OutcomeKind::Wrong);  // no third chance to begin
  }
}

TEST_CASE("wrong password, unknown user, no keys: the same course") {
  for (const std::string& name : kWithPassword) {
    INFO(name);
    Server wrong(name), unknown(name), keyless(name);
    keyless.users.kind = AnswerKind::No;
    const auto seen = course(wrong, "user", "wrong");
    CHECK(seen.back() == OutcomeKind::Wrong);
    CHECK(course(unknown, "ghost", "pencil") == seen);
    CHECK(course(keyless, "user", "pencil") == seen);
    CHECK(unknown.users.asked == std::vector<std::string>{"ghost"});
    Server server(name);
    const Outcome outcome = login(server, "ghost", "pencil");
    CHECK(outcome.user == "ghost");  // for the log
  }
}

TEST_CASE("decoys are stable, and differ by account, mechanism and host") {
  auto first_message = [](const std::string& mechanism, const std::string& user, char key) {
    Server server(mechanism);
    server.begin.decoy_key.assign(privsep::kDecoyKeySize, key);
    const std::string bytes = server.start("n,,n=" + user + ",r=abcdefgh").bytes;
    return bytes.substr(bytes.find(",s="));  // without the nonce
  };
  const std::string once = first_message("SCRAM-SHA-256", "ghost", 'k');
  CHECK(once.ends_with(",i=10000"));
  CHECK(once.size() == std::string(",s=,i=10000").size() + 24);  // 16 bytes of salt
  CHECK(first_message("SCRAM-SHA-256", "ghost", 'k') == once);
  CHECK(first_message("SCRAM-SHA-256", "ghost2", 'k') != once);
  CHECK(first_message("SCRAM-SHA-1", "ghost", 'k') != once);
  CHECK(first_message("SCRAM-SHA-256", "ghost", 'q') != once);
  CHECK(first_message("SCRAM-SHA-256", "user", 'k') == ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
}

TEST_CASE("a database that cannot answer is temporary") {
  for (const std::string& name : kWithPassword) {
    INFO(name);
    Server server(name);
    server.users.kind = AnswerKind::Dead;
    CHECK(login(server, "user", "pencil").kind == OutcomeKind::Temporary);
    Server broken(name);
    broken.users.labels = {{"password64", "!"}};
    CHECK(login(broken, "user", "pencil").kind == OutcomeKind::Temporary);
  }
}

TEST_CASE("keys alone suffice where the mechanism works on keys") {
  for (const std::string& name : kScram) {
    Server keys(name), password(name);
    keys.users.labels.pop_back();
    CHECK(login(keys, "user", "pencil").kind == OutcomeKind::Done);
    password.users.labels = {{"password64", base64_encode("pencil")}};
    CHECK(login(password, "user", "pencil").kind == OutcomeKind::Done);
    Server wrong(name);
    wrong.users.labels = {{"password64", base64_encode("pencil")}};
    CHECK(login(wrong, "user", "Pencil").kind == OutcomeKind::Wrong);
    // The other hash's keys are none.
    Server other(name);
    std::erase_if(other.users.labels, [&](const auto& l) { return l.first == lower(name); });
    other.users.labels.pop_back();
    CHECK(login(other, "user", "pencil").kind == OutcomeKind::Wrong);
  }
  // MD5 of "user:example:pencil".
  const auth::Labels hash = {{"digest-md5", "ff977c5262bf64f5bd03b4d69a0efa8b"}};
  Server right("DIGEST-MD5");
  right.users.labels = hash;
  CHECK(login(right, "user", "pencil").kind == OutcomeKind::Done);
  Server wrong("DIGEST-MD5");
  wrong.users.labels = hash;
  CHECK(login(wrong, "user", "Pencil").kind == OutcomeKind::Wrong);
}

TEST_CASE("who else the client wants to be is passed on") {
  for (const std::string name : {"DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}) {
    INFO(name);
    for (const std::string authorize : {"user", "other"}) {
      Server server(name);
      const Outcome outcome = login(server, "user", "pencil", authorize);
      CHECK(outcome.kind == OutcomeKind::Done);
      CHECK(outcome.user == "user");
      CHECK(outcome.authorize == authorize);
    }
  }
}

TEST_CASE("messages of an earlier login open nothing") {
  for (const std::string& name : kWithPassword) {
    INFO(name);
    Server first(name);
    Client client(name);
    std::vector<std::string> said;
    Outcome outcome;
    if (client_first(name)) {
      said.push_back(client.answer(""));
      outcome = first.start(said[0]);
    } else {
      outcome = first.start();
    }
    while (!outcome.final()) {
      said.push_back(client.answer(outcome.bytes));
      outcome = first.step(said.back());
    }
    REQUIRE(outcome.kind == OutcomeKind::Done);
    Server second(name);
    size_t i = 0;
    outcome = client_first(name) ? second.start(said[i++]) : second.start();
    while (!outcome.final() && i < said.size()) outcome = second.step(said[i++]);
    CHECK(outcome.kind == OutcomeKind::Wrong);
  }
}

TEST_CASE("responses out of order, too many, too long, with NUL") {
  for (const std::string& name : kWithPassword) {
    INFO(name);
    for (const std::string& junk : std::initializer_list<std::string>{
             "", "x", std::string("user\0 ", 6), std::string(privsep::kMaxSaslMessage, 'x'),
             std::string(privsep::kMaxSaslMessage + 1, 'x'), "n,,n=user", "y,,n=,r=abcdefgh",
             "c=biws,r=abc,p=AAAA", std::string(40, ' '),
             "username=\"user\",realm=\"example\",nonce=\"x\",response=x"}) {
      Server server(name);
      Outcome outcome = server.start();
      REQUIRE(outcome.kind == OutcomeKind::Challenge);
      outcome = server.step(junk);
      CHECK(outcome.kind == OutcomeKind::Wrong);
    }
    // Something after the final message.
    Server server(name);
    Client client(name);
    Outcome outcome = client_first(name) ? server.start(client.answer("")) : server.start();
    outcome = server.step(client.answer(outcome.bytes));
    if (outcome.final()) {
      CHECK(name == "CRAM-MD5");
      continue;
    }
    CHECK(server.step("more").kind == OutcomeKind::Wrong);
  }
  for (const std::string name : {"CRAM-MD5", "DIGEST-MD5"}) {
    Server server(name);
    CHECK(server.start("user 0123456789abcdef0123456789abcdef").kind == OutcomeKind::Wrong);
    CHECK(server.users.asked.empty());
    Server empty(name);
    CHECK(empty.start("").kind == OutcomeKind::Wrong);
  }
}

TEST_CASE("names that nobody is asked about") {
  for (const std::string& user : {std::string(privsep::kMaxExchangeText + 1, 'u')}) {
    for (const std::string& name : kWithPassword) {
      Server server(name);
      CHECK(login(server, user, "pencil").kind == OutcomeKind::Wrong);
      CHECK(server.users.asked.empty());
    }
  }
}

TEST_CASE("DIGEST-MD5: a challenge that the strictest readers take") {
  Server server("DIGEST-MD5");
  server.begin.realm = "a b, c";
  const Outcome out = server.start();
  REQUIRE(out.kind == Outcome::Kind::Challenge);
  CHECK(out.bytes.starts_with(R"(realm="a b, c",nonce=")"));
  CHECK(out.bytes.find(", ", 12) == std::string::npos);
}

TEST_CASE("DIGEST-MD5: one realm, qop=auth, our service") {
  for (const char* realm : {"other", ""}) {
    Server server("DIGEST-MD5");
    Client client("DIGEST-MD5");
    client.properties[GSASL_REALM] = realm;
    CHECK(converse(server, client).kind == OutcomeKind::Wrong);
  }
  Server server("DIGEST-MD5");
  const std::string challenge = server.start().bytes;
  CHECK(challenge.find("realm=\"example\"") != std::string::npos);
  CHECK(challenge.find("auth-int") == std::string::npos);
  CHECK(challenge.find("charset=utf-8") != std::string::npos);
  for (const auto& [service, uses, right] :
       std::initializer_list<std::tuple<const char*, const char*, bool>>{{"imap", "IMAP", true},
                                                                         {"imap", "smtp", false},
                                                                         {"pop", "pop3", true},
                                                                         {"pop", "pop", true},
                                                                         {"imap", "pop3", false},
                                                                         {"imap", "ldap", false}}) {
    Server one("DIGEST-MD5");
    one.begin.service = service;
    Client client("DIGEST-MD5");
    client.properties[GSASL_SERVICE] = uses;
    CHECK((converse(one, client).kind == OutcomeKind::Done) == right);
  }
}

TEST_CASE("names and passwords that are not ASCII") {
  const std::string umlaut = "p\xc3\xa4ssw\xc3\xb6rd";
  for (const std::string& name : kWithPassword) {
    INFO(name);
    Server server(name);
    server.users.labels = {{"password64", base64_encode(umlaut)}};
    CHECK(login(server, "user", umlaut).kind == OutcomeKind::Done);
    Server wrong(name);
    wrong.users.labels = {{"password64", base64_encode(umlaut)}};
    CHECK(login(wrong, "user", "password").kind == OutcomeKind::Wrong);
    Server ghost(name);
    login(ghost, "gh\xc3\xb6st", "x");
    CHECK(ghost.users.asked == std::vector<std::string>{"gh\xc3\xb6st"});
  }
}

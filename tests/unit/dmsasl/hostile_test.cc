// Messages that broke SASL libraries of other servers.
#include <catch2/catch.hpp>

#include "base/ascii.h"
#include "client.h"

using namespace dmail;
using namespace dmail::dmsasl;

// With AddressSanitizer: what GNU SASL and Kerberos forget ends with the process, in dmsasl after
// one exchange.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libgsasl\nleak:libkrb5\nleak:libgssapi_krb5\nleak:libgssglue\n";
}

namespace {

const std::vector<std::string> kAll = {
    "APOP",          "CRAM-MD5",           "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL",   "GSSAPI"};

// The right response to a DIGEST-MD5 challenge after `change`.
template <typename Change>
Outcome changed_digest(const Change& change) {
  Server server("DIGEST-MD5");
  Client client("DIGEST-MD5");
  std::string response = client.answer(server.start().bytes);
  change(response);
  Outcome outcome = server.step(response);
  while (!outcome.final()) outcome = server.step(client.answer(outcome.bytes));
  return outcome;
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("DIGEST-MD5 responses with missing, doubled, odd and cut fields") {
  CHECK(changed_digest([](std::string&) {}).kind == OutcomeKind::Done);
  auto wrong = [](auto change) { CHECK(changed_digest(change).kind == OutcomeKind::Wrong); };
  wrong([](std::string& r) { replace(r, "realm=\"example\"", "realm=\"\""); });
  wrong([](std::string& r) { replace(r, "realm=\"example\",", ""); });
  wrong([](std::string& r) { replace(r, "realm=\"example\"", "realm=\"Example\""); });
  wrong([](std::string& r) { replace(r, "nc=00000001", "nc=00000002"); });
  wrong([](std::string& r) { replace(r, "nc=00000001", "nc=ffffffff"); });
  wrong([](std::string& r) { replace(r, "nc=00000001", "nc=1"); });
  wrong([](std::string& r) { replace(r, "qop=auth", "qop=auth-int"); });
  wrong([](std::string& r) { replace(r, "qop=auth", "qop=auth-conf"); });
  wrong([](std::string& r) { replace(r, "response=", "rosponse="); });
  wrong([](std::string& r) { replace(r, "imap/", "smtp/"); });
  wrong([](std::string& r) { r.insert(r.find("user"), 1, '\0'); });
  wrong([](std::string& r) { r += '\0'; });
  for (const char* twice :
       {",nonce=\"x\"", ",cnonce=\"x\"", ",realm=\"example\"", ",username=\"user\"", ",qop=auth",
        ",response=0123456789abcdef0123456789abcdef", ",digest-uri=\"imap/x\"", ",nc=00000001",
        ",maxbuf=1", ",authzid=\"\"", ",charset=utf-7", ",cipher=des", ",authzid=\"unterminated"}) {
    INFO(twice);
    wrong([&](std::string& r) { r += twice; });
  }
  wrong([](std::string& r) {
    std::string list = ",qop=\"auth";
    for (int i = 0; i < 1000; ++i) list += ",auth";
    r += list + '"';
  });
  wrong([](std::string& r) { r += std::string(5000, ' '); });
  wrong([](std::string& r) { r += ",x=\"" + std::string(10000, 'x') + '"'; });
  for (size_t cut = 0; cut < 200; cut += 7)
    wrong([&](std::string& r) { r.resize(std::min(cut, r.size() - 1)); });
}

TEST_CASE("an empty password is nobody's") {
  for (const std::string& name : kAll) {
    if (name == "EXTERNAL" || name == "GSSAPI" || name == "APOP") continue;
    INFO(name);
    for (const char* user : {"user", "ghost", ""}) {
      Server server(name);
      server.begin.tls_exporter = "exporter";
      Client client(name, user, "");
      client.properties[GSASL_CB_TLS_EXPORTER] = base64_encode("exporter");
      CHECK(converse(server, client, name.starts_with("SCRAM")).kind == OutcomeKind::Wrong);
    }
    Server empty(name);  // a module that says that there is one
    empty.users.labels = {{"password64", ""}};
    empty.begin.tls_exporter = "exporter";
    Client client(name, "user", "");
    client.properties[GSASL_CB_TLS_EXPORTER] = base64_encode("exporter");
    CHECK(converse(empty, client, name.starts_with("SCRAM")).kind != OutcomeKind::Done);
  }
}

TEST_CASE("nothing, again and again, to every mechanism") {
  for (const std::string& name : kAll) {
    INFO(name);
    for (bool initial : {false, true}) {
      Server server(name);
      server.begin.tls_exporter = "exporter";
      server.begin.apop_stamp = "<1@x>";
      Outcome outcome = initial ? server.start("") : server.start();
      int steps = 0;
      while (!outcome.final() && ++steps < 50) outcome = server.step("");
      CHECK(outcome.final());
      CHECK(outcome.kind != OutcomeKind::Done);
      CHECK(server.users.asked.empty());
    }
  }
}

TEST_CASE("nonces and responses of every length") {
  for (size_t length = 1; length <= 300; ++length) {
    const std::string nonce(length, 'n');
    Server scram("SCRAM-SHA-256");
    const Outcome outcome = scram.start("n,,n=user,r=" + nonce);
    REQUIRE(outcome.kind == OutcomeKind::Challenge);
    CHECK(outcome.bytes.starts_with("r=" + nonce));
    CHECK(scram.step("c=biws,r=" + nonce + ",p=" + nonce).kind == OutcomeKind::Wrong);
    Server cram("CRAM-MD5");
    cram.start();
    CHECK(cram.step(nonce).kind == OutcomeKind::Wrong);
  }
  Server large("SCRAM-SHA-1");  // what we would have to say is over the limit, too
  CHECK(large.start("n,,n=user,r=" + std::string(privsep::kMaxSaslMessage - 12, 'n')).kind ==
        OutcomeKind::Wrong);
}

TEST_CASE("names of odd bytes are asked about as they are, or not at all") {
  for (const std::string& user : {std::string("\xff\xfe"), std::string("a\tb"), std::string("a\nb"),
                                  std::string("*)(uid=*"), std::string("%{env:PATH}")}) {
    Server server("CRAM-MD5");
    server.start();
    const Outcome outcome = server.step(user + " 0123456789abcdef0123456789abcdef");
    CHECK(outcome.kind == OutcomeKind::Wrong);
    CHECK(server.users.asked == std::vector<std::string>{user});
  }
}

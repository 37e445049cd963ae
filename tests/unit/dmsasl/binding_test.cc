// Channel binding: SCRAM's -PLUS forms, and what must not pass as them.
#include <catch2/catch.hpp>

#include "base/ascii.h"
#include "client.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

const std::string kExporter(32, '\x81'), kUnique("unique\0bytes", 12);

Outcome bound(const std::string& mechanism, Gsasl_property kind, const std::string& clients,
              const std::string& exporter, const std::string& unique) {
  Server server(mechanism);
  server.begin.tls_exporter = exporter;
  server.begin.tls_unique = unique;
  server.begin.plus_offered = true;
  Client client(mechanism);
  client.properties[kind] = base64_encode(clients);
  return converse(server, client, true);
}

}  // namespace

TEST_CASE("-PLUS binds to the TLS connection") {
  for (const std::string name : {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}) {
    INFO(name);
    CHECK(bound(name, GSASL_CB_TLS_EXPORTER, kExporter, kExporter, "").kind == OutcomeKind::Done);
    CHECK(bound(name, GSASL_CB_TLS_EXPORTER, kExporter, kExporter, kUnique).kind ==
          OutcomeKind::Done);
    CHECK(bound(name, GSASL_CB_TLS_UNIQUE, kUnique, "", kUnique).kind == OutcomeKind::Done);
    // Another connection's: somebody sits between.
    CHECK(bound(name, GSASL_CB_TLS_EXPORTER, std::string(32, 'x'), kExporter, kUnique).kind ==
          OutcomeKind::Wrong);
    CHECK(bound(name, GSASL_CB_TLS_EXPORTER, kExporter.substr(1), kExporter, kUnique).kind ==
          OutcomeKind::Wrong);
    CHECK(bound(name, GSASL_CB_TLS_UNIQUE, kExporter, kExporter, kUnique).kind ==
          OutcomeKind::Wrong);
    // A kind that this connection has not.
    CHECK(bound(name, GSASL_CB_TLS_UNIQUE, kUnique, kExporter, "").kind == OutcomeKind::Wrong);
    CHECK(bound(name, GSASL_CB_TLS_EXPORTER, kExporter, "", "").kind == OutcomeKind::Unavailable);
  }
}

TEST_CASE("-PLUS without binding in it, or with an unknown one, is refused") {
  for (const char* first :
       {"n,,n=user,r=abcdefgh", "y,,n=user,r=abcdefgh", "p=tls-server-end-point,,n=user,r=abcdefgh",
        "p,,n=user,r=abcdefgh", "p=,,n=user,r=abcdefgh"}) {
    Server server("SCRAM-SHA-256-PLUS");
    server.begin.tls_exporter = kExporter;
    server.begin.plus_offered = true;
    CHECK(server.start(first).kind == OutcomeKind::Wrong);
    CHECK(server.users.asked.empty());
  }
}

TEST_CASE("a list of mechanisms that was shortened on its way is noticed") {
  for (const std::string name : {"SCRAM-SHA-1", "SCRAM-SHA-256"}) {
    auto first = [&](const char* message, bool offered, bool later) {
      Server server(name);
      server.begin.tls_exporter = kExporter;
      server.begin.plus_offered = offered;
      if (!later) return server.start(message).kind;
      server.start();
      return server.step(message).kind;
    };
    for (bool later : {false, true}) {
      CHECK(first("y,,n=user,r=abcdefgh", true, later) == OutcomeKind::Wrong);
      CHECK(first("y,,n=user,r=abcdefgh", false, later) == OutcomeKind::Challenge);
      CHECK(first("n,,n=user,r=abcdefgh", true, later) == OutcomeKind::Challenge);
      CHECK(first("p=tls-exporter,,n=user,r=abcdefgh", true, later) == OutcomeKind::Wrong);
    }
  }
}

TEST_CASE("EXTERNAL: the certificate says who") {
  auto external = [](Result<std::string> identity, std::optional<std::string> authorize) {
    Server server("EXTERNAL");
    server.certificate = std::move(identity);
    if (authorize) return server.start(*authorize);
    Outcome outcome = server.start();
    REQUIRE(outcome.kind == OutcomeKind::Challenge);
    CHECK(outcome.bytes.empty());
    return server.step("");
  };
  for (const std::optional<std::string>& none :
       {std::optional<std::string>(), std::optional<std::string>("")}) {
    const Outcome outcome = external(std::string("bob@example"), none);
    CHECK(outcome.kind == OutcomeKind::Done);
    CHECK(outcome.user == "bob@example");
    CHECK(outcome.authorize.empty());
  }
  CHECK(external(std::string("bob"), "bob").authorize == "bob");
  CHECK(external(std::string("bob"), "root").authorize == "root");  // the monitor refuses it
  CHECK(external(std::string("bob"), std::string("bob\0x", 5)).kind == OutcomeKind::Wrong);
  for (const std::string& name : {std::string(), std::string("b\0b", 3), std::string(256, 'b')})
    CHECK(external(name, "").kind == OutcomeKind::Wrong);
  CHECK(external(Error{ErrorKind::NoPermission, "", "no proof"}, "").kind == OutcomeKind::Wrong);
  CHECK(external(Error{ErrorKind::Unsupported, "", "no CA"}, "").kind == OutcomeKind::Unavailable);
  Server server("EXTERNAL");
  server.certificate = std::string("bob");
  Client client("EXTERNAL");
  CHECK(converse(server, client, true).kind == OutcomeKind::Done);
  CHECK(server.users.asked.empty());
}

TEST_CASE("GSSAPI without a keytab is unavailable, junk is wrong at most") {
  Server server("GSSAPI");
  REQUIRE(server.start().kind == OutcomeKind::Challenge);
  const Outcome outcome = server.step("\x60\x82junk");
  CHECK(outcome.kind != OutcomeKind::Done);
  CHECK(outcome.final());
  CHECK(server.users.asked.empty());
}

#include <catch2/catch.hpp>

#include "client.h"
#include "tools/dmsasl/decoy.h"
#include "tools/dmsasl/digest_uri.h"
#include "tools/dmsasl/principal.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

// RFC 1939 section 7.
constexpr char kStamp[] = "<1896.697170952@dbc.mtview.ca.us>";
constexpr char kDigest[] = "c4c9334bac560ecc979e58001b3e22fb";

Outcome apop(std::string_view initial, std::string_view stamp = kStamp,
             AnswerKind kind = AnswerKind::Ok) {
  Server server("APOP");
  server.begin.apop_stamp = stamp;
  server.users.labels = {{"password64", base64_encode("tanstaaf")}};
  server.users.kind = kind;
  return server.start(initial);
}

}  // namespace

TEST_CASE("APOP: the example of the RFC, and what is not it") {
  const std::string digest = kDigest;
  CHECK(apop("user " + digest).kind == OutcomeKind::Done);
  CHECK(apop("user " + digest).user == "user");
  CHECK(apop("user C4C9334BAC560ECC979E58001B3E22FB").kind == OutcomeKind::Done);
  CHECK(apop("ghost " + digest).kind == OutcomeKind::Wrong);
  CHECK(apop("ghost " + digest).user == "ghost");
  CHECK(apop("user d4c9334bac560ecc979e58001b3e22fb").kind == OutcomeKind::Wrong);
  CHECK(apop("user " + digest, "<1897.697170952@dbc.mtview.ca.us>").kind == OutcomeKind::Wrong);
  CHECK(apop("user " + digest, "").kind == OutcomeKind::Unavailable);
  CHECK(apop("user " + digest, kStamp, AnswerKind::No).kind == OutcomeKind::Wrong);
  CHECK(apop("user " + digest, kStamp, AnswerKind::Dead).kind == OutcomeKind::Temporary);
  for (const std::string& bad :
       {std::string(), std::string("user"), "user  " + digest.substr(1), " " + digest, digest,
        "user " + digest + "0", std::string("us\0er ", 6) + digest, "user " + digest + " "})
    CHECK(apop(bad).kind == OutcomeKind::Wrong);
  Server server("APOP");
  server.begin.apop_stamp = kStamp;
  CHECK(server.start().kind == OutcomeKind::Wrong);  // no message at all
}

TEST_CASE("the service of a digest-uri") {
  CHECK(service_of_digest_uri("digest-uri=\"imap/host\"") == "imap");
  CHECK(service_of_digest_uri("a=b, Digest-URI = \"SMTP/host/x\" ,c=\"d\"") == "smtp");
  CHECK(service_of_digest_uri("digest-uri=imap/host,nc=1") == "imap");
  CHECK(service_of_digest_uri("digest-uri=\"i\\map/host\"") == "imap");
  CHECK(service_of_digest_uri("username=\"digest-uri=\\\"pop/x\\\"\",digest-uri=\"imap/x\"") ==
        "imap");
  for (const char* bad :
       {"", ",,,", "x", "username=\"a\"", "digest-uri=\"imap\"", "digest-uri=\"imap/x",
        "digest-uri=\"imap/x\\", "digest-uri=\"imap/x\",digest-uri=\"imap/y\"", "username=\"",
        "username=\"digest-uri=\"imap/x\"\""})
    CHECK(service_of_digest_uri(bad).empty());
}

TEST_CASE("principals as users") {
  CHECK(user_of_principal("bob@EXAMPLE", "EXAMPLE") == "bob");
  CHECK(user_of_principal("bob@OTHER", "EXAMPLE") == "bob@OTHER");
  CHECK(user_of_principal("bob@example", "EXAMPLE") == "bob@example");
  CHECK(user_of_principal("bob@EXAMPLE", "") == "bob@EXAMPLE");
  for (std::string_view bad :
       {std::string_view("bob"), std::string_view("@EXAMPLE"), std::string_view("bob@"),
        std::string_view("imap/host@EXAMPLE"), std::string_view("bob/admin@EXAMPLE"),
        std::string_view("bob\\@OTHER@EXAMPLE"), std::string_view("a@b@EXAMPLE"),
        std::string_view("bob\0@EXAMPLE", 12)})
    CHECK(user_of_principal(bad, "EXAMPLE").empty());
  CHECK(user_of_principal(std::string(300, 'b') + "@EXAMPLE", "EXAMPLE").empty());
}

TEST_CASE("decoy bytes") {
  const std::string key(32, 'k');
  CHECK(decoy_bytes(key, "a", "b", 16).size() == 16);
  CHECK(decoy_bytes(key, "a", "b", 16) == decoy_bytes(key, "a", "b", 16));
  CHECK(decoy_bytes(key, "a", "b", 32) != decoy_bytes(key, "a", "c", 32));
  CHECK(decoy_bytes(key, "a", "b", 32) != decoy_bytes(key, "x", "b", 32));
  CHECK(decoy_bytes(key, "a", "b", 32) != decoy_bytes(std::string(32, 'K'), "a", "b", 32));
}

TEST_CASE("the table of mechanisms") {
  for (const Mechanism& m : mechanisms()) {
    CHECK(auth::valid_mechanism(m.name));
    CHECK(mechanism_of(m.name) == &m);
  }
  CHECK(mechanism_of("PLAIN") == nullptr);
  CHECK(mechanism_of("") == nullptr);
}

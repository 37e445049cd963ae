#include "privsep/mechanisms.h"

#include <catch2/catch.hpp>

namespace dmail::privsep {

using account::Service;

TEST_CASE("mechanisms: what the settings name, as far as the connection allows") {
  const std::vector<std::string> all = {
      "plain login oauthbearer xoauth2", "cram-md5,digest-md5",
      "scram-sha-1 scram-sha-1-plus SCRAM-SHA-256 scram-sha-256-plus", "external gssapi apop"};
  const std::string shared = "CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256";
  CHECK(offered_mechanisms(all, Service::Imap, {}) == shared);
  CHECK(offered_mechanisms(all, Service::Pop, {}) == shared + " APOP");
  CHECK(offered_mechanisms(all, Service::Smtp, {false, true, true, true}) ==
        "PLAIN LOGIN OAUTHBEARER XOAUTH2 " + shared + " GSSAPI");
  CHECK(offered_mechanisms(all, Service::Smtp, {true, false, true, true}) ==
        "PLAIN LOGIN OAUTHBEARER XOAUTH2 CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS "
        "SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL GSSAPI");
  CHECK_FALSE(
      is_offered(offered_mechanisms(all, Service::Imap, {true, true, false, true}), "EXTERNAL"));
  CHECK_FALSE(
      is_offered(offered_mechanisms(all, Service::Imap, {true, true, true, false}), "GSSAPI"));
}

TEST_CASE("mechanisms: names twice, unknown, part of another") {
  CHECK(offered_mechanisms({"cram-md5 CRAM-MD5 ntlm", "cram-md5"}, Service::Imap, {}) ==
        "CRAM-MD5");
  CHECK(unknown_mechanisms({"plain ntlm", "plai"}) == "ntlm plai");
  CHECK(offered_mechanisms({}, Service::Imap, {true, true, true}).empty());
  CHECK_FALSE(is_offered("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"));
  CHECK_FALSE(is_offered("PLAIN LOGIN", ""));
  CHECK_FALSE(is_offered("PLAIN LOGIN", "PLAIN LOGIN"));
  CHECK(without_mechanism("A B C", "B") == "A C");
  CHECK(without_mechanism("B", "B").empty());
}

TEST_CASE("mechanisms: the password commands go with plain or login") {
  CHECK(password_commands("CRAM-MD5 LOGIN"));
  CHECK(password_commands("PLAIN"));
  CHECK_FALSE(password_commands("CRAM-MD5 OAUTHBEARER"));
  CHECK_FALSE(password_commands(""));
}

}  // namespace dmail::privsep

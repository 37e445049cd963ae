#include <catch2/catch.hpp>

#include "auth/reply.h"

using namespace dmail;
using namespace dmail::auth;
using Kind = Answer::Kind;

namespace {
Answer parsed(std::string_view line) { return parse_reply(line, "bob").answer; }
}  // namespace

TEST_CASE("replies of the vendor's guide") {
  Answer a =
      parse_reply("+OK bob@test.com config 0 quota=\"200\" fwd=\"fred@test.com\"", "bob@test.com")
          .answer;
  CHECK(a.ok());
  CHECK(a.facts.drop_file.empty());
  CHECK_FALSE(a.facts.uid);
  CHECK(a.facts.quota_kb == 200u);
  REQUIRE(a.label("fwd"));
  CHECK(*a.label("fwd") == "fred@test.com");
  a = parsed("-ERR bob password wrong or not a valid user");
  CHECK(a.kind == Kind::No);
  CHECK(a.text == "bob password wrong or not a valid user");
  CHECK(parsed("-DEAD database is down").kind == Kind::Dead);
  CHECK_FALSE(parse_reply("+DATA bob", "bob").final);
}

TEST_CASE("the fields of +OK, present and absent") {
  Answer a = parsed("+OK Bob /var/mail/bob 1001 gid=\"100\" home=\"/home/bob\" x=\"\" y=z\r");
  CHECK(a.ok());
  CHECK(a.facts.drop_file == "/var/mail/bob");
  CHECK(a.facts.uid == 1001u);
  CHECK(a.facts.gid == 100u);
  CHECK(a.facts.home == "/home/bob");
  CHECK(*a.label("x") == "");
  CHECK(*a.label("y") == "z");
  CHECK(parsed("+OK bob").ok());
  CHECK(parsed("+OK bob config").ok());
  CHECK(parsed("+OK bob config -1").ok());
  CHECK(parsed("+OK bob /mail/a=b/bob").facts.drop_file == "/mail/a=b/bob");
  CHECK(parsed("+OK bob /mail/a=b 1001 x=y").facts.uid == 1001u);
  CHECK(parsed("+OK bob QUOTA=\"7\"").facts.quota_kb == 7u);
  CHECK(parsed("+OK bob a=\"b c\"").label("a")->size() == 3);
  a = parsed("+OK bob quota=1 account=ann uid=5 QUOTA=2 account=joe uid=6 home=/a home=/b");
  CHECK(a.facts.quota_kb == 1u);
  CHECK(*a.label("quota") == "1");
  CHECK(a.facts.account == "ann");
  CHECK(a.facts.uid == 5u);
  CHECK(a.facts.home == "/a");
}

TEST_CASE("what is no proper answer is Dead, never yes and never no") {
  for (const char* line : {"",
                           " ",
                           "+OK",
                           "+OK alice config 0",
                           "+OK bobby",
                           "+OKbob config",
                           "OK bob",
                           "+ok bob",
                           "-ERRx",
                           "+OK bob relative/path",
                           "+OK bob config twelve",
                           "+OK bob config 4294967295",
                           "+OK bob config 0 x",
                           "+OK bob config 0 x=\"y",
                           "+OK bob config 0 =\"y\"",
                           "+OK bob config 0 x=\"y\"z",
                           "+OK bob config 0 quota=\"lots\"",
                           "+OK bob config 0 gid=\"-5\"",
                           "+OK bob config 0 a\"b=\"c\"",
                           "+OK bob config 0\x01",
                           "\x7f-ERR no"})
    CHECK(parsed(line).kind == Kind::Dead);
  CHECK(parsed(std::string_view("+OK bob\0 config", 15)).kind == Kind::Dead);
  std::string many = "+OK bob config 0";
  for (size_t i = 0; i <= kMaxLabels; ++i) many += " a=\"b\"";
  CHECK(parsed(many).kind == Kind::Dead);
}

TEST_CASE("what can be sent") {
  CHECK(sendable_user("bob@test.com"));
  for (std::string_view bad :
       {std::string_view(""), std::string_view("a b"), std::string_view("a\nb"),
        std::string_view("a\rb"), std::string_view("a\0b", 3), std::string_view("a\tb"),
        std::string_view("a\"b")})
    CHECK_FALSE(sendable_user(bad));
  CHECK(sendable_password("with blanks\tand \"quotes\""));
  for (std::string_view bad : {std::string_view(""), std::string_view("a\nb"),
                               std::string_view("a\r"), std::string_view("a\0b", 3)})
    CHECK_FALSE(sendable_password(bad));
  CHECK_FALSE(sendable_password(std::string(kMaxPassword + 1, 'x')));
}

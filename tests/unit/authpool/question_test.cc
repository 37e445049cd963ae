#include "tools/authpool/question.h"

#include <catch2/catch.hpp>

using namespace dmail::authpool;
using Kind = Question::Kind;

TEST_CASE("what a question is about") {
  const Question check = parse_question("check Bob@x.com two words \r");
  CHECK(check.kind == Kind::Check);
  CHECK(check.user == "Bob@x.com");
  CHECK(check.password == "two words ");
  CHECK(parse_question("LOOKUP  bob ").user == "bob");
  CHECK(parse_question("lookup bob").kind == Kind::Lookup);
  CHECK(parse_question("secret bob SCRAM-SHA-1").kind == Kind::Of);
  CHECK(parse_question("token bob x.y.z").kind == Kind::Of);
  CHECK(parse_question("account bob").kind == Kind::Of);
  CHECK(parse_question("account bob").user == "bob");
  CHECK(parse_question("account").kind == Kind::Bad);
  CHECK(parse_question("set bob x quota=\"1\"").kind == Kind::Change);
  CHECK(parse_question("set bob x").user == "bob");
  CHECK(parse_question("del bob").user == "bob");
  CHECK(parse_question("search *").kind == Kind::Free);
  CHECK(parse_question("rename bob ann").kind == Kind::Other);
  CHECK(parse_question("quit").kind == Kind::Quit);
  for (std::string_view bad : {"", " check bob x", "check bob ", "check bob", "check  x", "lookup",
                               "lookup a b", "check", "lookup a\"b", "lookup a\rb", "set bob x\ry"})
    CHECK(parse_question(bad).kind == Kind::Bad);
  CHECK(parse_question(std::string_view("lookup bob\0x", 12)).kind == Kind::Bad);
  CHECK(parse_question("check bob " + std::string(1025, 'x')).kind == Kind::Bad);
}

TEST_CASE("an account has one owner, however it is named") {
  CHECK(owner_of("Bob@Example.com") == "bob");
  CHECK(owner_of("bob") == "bob");
  CHECK(owner_of("") == "");
}

TEST_CASE("answers are judged by what was asked") {
  const Question check = parse_question("check bob x");
  CHECK(judge(check, "+OK bob config 0 quota=\"9\"") == Judgement::Yes);
  CHECK(judge(check, "+OK BOB\r") == Judgement::Yes);
  CHECK(judge(check, "-ERR no") == Judgement::No);
  CHECK(judge(check, "-DEAD no database") == Judgement::Dead);
  CHECK(judge(check, "+DATA x") == Judgement::More);
  for (std::string_view broken :
       {"", "+OK ann config 0", "+OK", "+OKbob", "OK bob", "+OK bob config x",
        "+OK bob relative/path 0", "+OK bob config 0 a=\"", "-ERROR", "+ok bob"})
    CHECK(judge(check, broken) == Judgement::Broken);
  CHECK(judge(parse_question("set bob x"), "+OK bob added to database") == Judgement::Yes);
  CHECK(judge(parse_question("version"), "+OK any text") == Judgement::Yes);
  CHECK(judge(parse_question("version"), std::string_view("+OK \0", 5)) == Judgement::Broken);
}

TEST_CASE("keys are not remembered") {
  CHECK(may_be_kept("+OK bob config 0 quota=\"1\""));
  CHECK_FALSE(may_be_kept("+OK bob config 0 Password64=\"eA==\""));
  CHECK_FALSE(may_be_kept("+OK bob config 0 scram-sha-256=\"4096,a,b,c\""));
  CHECK_FALSE(may_be_kept("+OK bob config 0 digest-md5=\"00\""));
}

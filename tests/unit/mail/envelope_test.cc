// ENVELOPE as RFC 3501 section 7.4.2 wants it; the lines of hostile mail are the M rows of the list
// of attacks.
#include <catch2/catch.hpp>

#include "mail/address.h"
#include "mail/lexer.h"
#include "mail/structure.h"

using namespace dmail::mail;
using namespace std::string_literals;

namespace {

// The To list of a header with that To field.
std::string to_list(std::string_view value) {
  const std::string text = envelope_text("To: " + std::string(value) + "\r\n\r\n");
  constexpr std::string_view before = "(NIL NIL NIL NIL NIL ";
  constexpr std::string_view after = " NIL NIL NIL NIL)";
  REQUIRE(text.starts_with(before));
  REQUIRE(text.ends_with(after));
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

}  // namespace

TEST_CASE("the example of RFC 3501") {
  CHECK(envelope_text("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                      "From: Terry Gray <gray@cac.washington.edu>\r\n"
                      "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                      "To: imap@cac.washington.edu\r\n"
                      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                      "Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n") ==
        "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((NIL NIL \"imap\" \"cac.washington.edu\")) "
        "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
        "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
        "\"<B27397-0100000@cac.washington.edu>\")");
}

TEST_CASE("absent is NIL, present but empty is an empty string") {
  CHECK(envelope_text("") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(
      envelope_text("Date:\r\nSubject: \r\nIn-Reply-To:\r\nMessage-ID:\r\nTo: \r\nFrom:\r\n\r\n") ==
      "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
}

TEST_CASE("sender and reply-to default to from when absent or empty") {
  const std::string text = envelope_text("From: a@b\r\nSender: s@b\r\nReply-To: \r\n\r\n");
  CHECK(text ==
        "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL "
        "NIL NIL NIL NIL)");
}

TEST_CASE("subjects are unfolded, not decoded") {
  CHECK(envelope_text("Subject: =?utf-8?q?a?=\r\n\t=?utf-8?q?b?= \"q\\\"\r\n\r\n") ==
        "(NIL \"=?utf-8?q?a?= =?utf-8?q?b?= \\\"q\\\\\\\"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(envelope_text("Subject: caf\xe9\r\n") ==
        "(NIL {4}\r\ncaf\xe9 NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(envelope_text("Subject: a\rb\r\n") == "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(envelope_text("Subject: a\0b\r\n"s) == "(NIL \"ab\" NIL NIL NIL NIL NIL NIL NIL NIL)");
  CHECK(envelope_text("Subject: " + std::string(1001, 'x') + "\r\n")
            .starts_with("(NIL {1001}\r\nxx"));
  CHECK(envelope_text("Subject: one\r\nSubject: two\r\n").starts_with("(NIL \"one\" NIL"));
}

TEST_CASE("addresses") {
  CHECK(to_list("a@b") == R"(((NIL NIL "a" "b")))");
  CHECK(to_list("Joe Q. Public <john.q.public@example.com>") ==
        R"((("Joe Q. Public" NIL "john.q.public" "example.com")))");
  CHECK(to_list("\"Giant; \\\"Big\\\" Box\" <x@y>, \"\" <e@y>") ==
        R"((("Giant; \"Big\" Box" NIL "x" "y")(NIL NIL "e" "y")))");
  CHECK(to_list("a@b (The Name)") == R"((("The Name" NIL "a" "b")))");
  CHECK(to_list("<a@b> (Name (nested \\) one))") == R"-((("Name (nested ) one)" NIL "a" "b")))-");
  CHECK(to_list("Name (not this) <a@b>, c@d") == R"((("Name" NIL "a" "b")(NIL NIL "c" "d")))");
  CHECK(to_list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>") ==
        R"((("Pete" NIL "pete" "silly.test")))");
  CHECK(to_list("one\r\n two\r\n\tthree <a@b>") == R"((("one two three" NIL "a" "b")))");
  CHECK(to_list("\"quoted local\"@[127.0.0.1]") == R"(((NIL NIL "quoted local" "[127.0.0.1]")))");
  CHECK(to_list("Joe <@a.x,@b.x:joe@c.x>") == R"((("Joe" "@a.x,@b.x" "joe" "c.x")))");
  CHECK(to_list("pete . x @ silly . test") == R"(((NIL NIL "pete.x" "silly.test")))");
  CHECK(to_list("=?utf-8?q?J=C3=B6?= <j@x>") == R"((("=?utf-8?q?J=C3=B6?=" NIL "j" "x")))");
  CHECK(to_list("[List] Bot <l@x>") == R"((("[List] Bot" NIL "l" "x")))");
  CHECK(to_list("J\xc3\xb6 <j@x>") == "(({3}\r\nJ\xc3\xb6 NIL \"j\" \"x\"))");
  CHECK(to_list("a@b,,c@d,") == R"(((NIL NIL "a" "b")(NIL NIL "c" "d")))");
  CHECK(to_list("John Doe doe@x, A . b@y") == R"((("John Doe" NIL "doe" "x")(NIL NIL "A.b" "y")))");
  CHECK(to_list("John a@b <a@b>") == R"((("John a@b" NIL "a" "b")))");
  CHECK(to_list("\" Doe,\r\n\tJ \" <a@b>") == R"((("Doe, J" NIL "a" "b")))");
  CHECK(to_list("a@b <a@b>") == R"((("a@b" NIL "a" "b")))");
}

TEST_CASE("groups") {
  CHECK(
      to_list("A Group: Ed <e@x>, f@x;, g@x") ==
      R"(((NIL NIL "A Group" NIL)("Ed" NIL "e" "x")(NIL NIL "f" "x")(NIL NIL NIL NIL)(NIL NIL "g" "x")))");
  CHECK(to_list("g: a@b") == R"(((NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)))");
}

TEST_CASE("M13: empty groups and addresses") {
  CHECK(to_list("group:;") == R"(((NIL NIL "group" NIL)(NIL NIL NIL NIL)))");
  CHECK(to_list("undisclosed-recipients:;") ==
        R"(((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)))");
  CHECK(to_list("undisclosed-recipients:") ==
        R"(((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)))");
  CHECK(to_list("<>") == "NIL");
  CHECK(to_list("Nobody <>") == R"((("Nobody" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")))");
  CHECK(to_list("root") == R"(((NIL NIL "root" "MISSING_DOMAIN")))");
  CHECK(to_list("root (Charlie Root), <toor>") ==
        R"((("Charlie Root" NIL "root" "MISSING_DOMAIN")(NIL NIL "toor" "MISSING_DOMAIN")))");
  CHECK(to_list(";;:;,<,>") == R"(((NIL NIL "" NIL)(NIL NIL NIL NIL)))");
}

TEST_CASE("a quoted name in front of an address without brackets") {
  CHECK(to_list("\"Last, First\" a@b.example") == R"((("Last, First" NIL "a" "b.example")))");
  CHECK(to_list("\"Last, First\" a . c@b.example").find("\"b.example\"") != std::string::npos);
  CHECK(to_list("\"quoted local\"@b.example") == R"(((NIL NIL "quoted local" "b.example")))");
  CHECK(to_list("x \"quoted\"@b.example") == R"(((NIL NIL "x quoted" "b.example")))");
  CHECK(to_list("\"a\"b@b.example") == R"(((NIL NIL "ab" "b.example")))");
  CHECK(to_list("\"\" a@b.example").find("\"a\" \"b.example\"") != std::string::npos);
}

TEST_CASE("M10, M14: broken addresses") {
  for (const char* bad :
       {"(",   "\"",   "\\",  "<",   ">", "<@",  "<@:",  "@",   ":",     ";",   ",",        "()",
        "(()", "\"\\", "(\\", "<\"", "[", "a@[", "<<<<", ">>>", ". . .", "@@@", "<@,,,,@:>"}) {
    const std::string text = envelope_text("From: "s + bad);
    CHECK(text.starts_with("(NIL NIL "));
    CHECK(text.ends_with(")"));
  }
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "<>";
  CHECK(to_list(many) == "NIL");
  CHECK(to_list("\xff\xff") == "((NIL NIL {2}\r\n\xff\xff \"MISSING_DOMAIN\"))");
  CHECK(to_list("foo <a@b") == R"((("foo" NIL "a" "b")))");
}

TEST_CASE("M09: local parts of any size") {
  for (const size_t size : {999, 1000, 1001, 32768, 65536, 70000}) {
    const std::string text = to_list(std::string(size, 'x') + "@y");
    CHECK(text.size() > std::min(size, kMaxEnvelopeField));
  }
}

TEST_CASE("M03: very many addresses stop at the limit") {
  std::string one = "To: ";
  for (int i = 0; i < 100000; ++i) one += "a@b,";
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "To: a@b, c@d\r\n";
  std::string groups = "To: ";
  for (int i = 0; i < 20000; ++i) groups += "g:;";
  const auto count = [](const std::string& text) {
    size_t n = 0;
    for (size_t at = text.find("(NIL NIL", 1); at != std::string::npos;
         at = text.find("(NIL NIL", at + 1))
      ++n;
    return n;
  };
  CHECK(count(envelope_text(one)) <= kMaxAddresses);
  CHECK(count(envelope_text(many)) <= kMaxAddresses);
  CHECK(count(envelope_text(groups)) <= kMaxAddresses + 1);
}

TEST_CASE("fields of one name together are no longer than one may be") {
  const std::string to = "To: " + std::string(kMaxEnvelopeField / 2 - 20, 'x') + "@a.example\r\n";
  const std::string one = envelope_text(to + "\r\n");
  const std::string two = envelope_text(to + to + "\r\n");
  const std::string many = envelope_text(to + to + to + to + to + "\r\n");
  CHECK(one.size() < two.size());
  CHECK(many == two);
  CHECK(many.size() < kMaxEnvelopeField + 500);
}

TEST_CASE("blanks in a quoted local part are its own") {
  CHECK(to_list("\"a . b\"@c.example") == "((NIL NIL \"a . b\" \"c.example\"))");
  CHECK(to_list("a . b@c.example") == "((NIL NIL \"a.b\" \"c.example\"))");
}

TEST_CASE("a long address field is not cut in the middle of an address") {
  std::string to = "To: ";
  for (int i = 0; i < 3000; ++i)
    to += std::string(i > 0 ? ",\r\n " : "") + "\"Recipient Number " + std::to_string(i) + "\" <r" +
          std::to_string(i) + "@host.example>";
  const std::string all = envelope_text(to + "\r\n\r\n");
  CHECK(all.find("\"r2999\" \"host.example\"") != std::string::npos);
  CHECK(all.find("MISSING") == std::string::npos);
  std::string longer = "To: ";
  for (int i = 0; i < 30000; ++i)
    longer += "\"A rather long name of somebody who gets mail\" <a@b.example>,\r\n ";
  const std::string cut = envelope_text(longer + "c@d\r\n\r\n");
  CHECK(cut.find("MISSING") == std::string::npos);
}

// One production at a time: what it takes, where it stops, and that the first error sticks.
#include "imapd/parser.h"

#include <catch2/catch.hpp>

#include "imapd/limits.h"
#include "imapd/reply.h"

using namespace dmail;
using namespace dmail::imapd;

TEST_CASE("classes of characters, all 256") {
  const std::string_view specials = "(){ %*\"\\]";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool printable = i > 0x20 && i < 0x7f;
    CHECK(is_atom_char(c) == (printable && specials.find(c) == std::string_view::npos));
    CHECK(is_tag_char(c) == ((is_atom_char(c) || c == ']') && c != '+'));
  }
}

TEST_CASE("strings: quoted, literal, astring, nstring") {
  CHECK(Parser("\"a \\\"b\\\\c\"").expect_string() == "a \"b\\c");
  CHECK(Parser("{3}\r\na\"b").expect_string() == "a\"b");
  CHECK(Parser("{3+}\nabc").expect_astring() == "abc");
  CHECK(Parser("{0}\r\n").expect_astring().empty());
  CHECK(Parser("a]b").expect_astring() == "a]b");
  CHECK(Parser("\"gr\xc3\xbcn\"").expect_string() == "gr\xc3\xbcn");
  CHECK_FALSE(Parser("nil").expect_nstring().has_value());
  CHECK(Parser("\"nil\"").expect_nstring() == "nil");
  for (const char* bad :
       {"\"a", "\"a\\", "\"a\\x\"", "\"a\rb\"", "{4}\r\nabc", "{}\r\n", "{3}abc", "{3\r\nabc",
        "{99999999999999999999}\r\n", "{-1}\r\n", "", "(", "{1048577}\r\n"}) {
    Parser p(bad);
    (void)p.expect_astring();
    INFO(bad);
    CHECK(p.failed());
  }
}

TEST_CASE("numbers") {
  CHECK(Parser("4294967295").expect_number() == 4294967295u);
  CHECK(Parser("0").expect_number() == 0);
  for (const char* bad : {"4294967296", "", "-1", "x", "99999999999999999999999"}) {
    Parser p(bad);
    (void)p.expect_number();
    CHECK(p.failed());
  }
  Parser zero("07");
  (void)zero.expect_nz_number();
  CHECK(zero.failed());
}

TEST_CASE("dates") {
  CHECK(Parser("1-Jan-1970").expect_date() == 0);
  CHECK(Parser("\"02-jan-1970\"").expect_date() == 1);
  CHECK(Parser("29-Feb-2000").expect_date() == 11016);
  for (const char* bad : {"29-Feb-1900", "31-Apr-2000", "0-Jan-2000", "1-Foo-2000", "1-Jan-99",
                          "001-Jan-2000", "1 Jan 2000", "\"1-Jan-2000", "1-anf-2000"}) {
    Parser p(bad);
    (void)p.expect_date();
    INFO(bad);
    CHECK(p.failed());
  }
}

TEST_CASE("the first error sticks and ends every loop") {
  Parser p("abc def");
  (void)p.expect_number();
  REQUIRE(p.failed());
  CHECK(p.at_end());
  CHECK(p.expect_atom().empty());
  CHECK_FALSE(p.take(' '));
  CHECK(p.error() == "Number expected");
  p.fail("another");
  CHECK(p.error() == "Number expected");
}

TEST_CASE("words end where an atom ends") {
  Parser p("FLAGS.SILENT (x)");
  CHECK_FALSE(p.take_word("FLAGS"));
  CHECK(p.take_word("flags.silent"));
  CHECK(p.rest() == " (x)");
  CHECK(Parser("BODY[").take_text("body["));
}

TEST_CASE("tags are bounded") {
  const std::string longest(kMaxTag, 'x');
  CHECK(Parser(longest + " ").expect_tag() == longest);
  const std::string over = longest + "x ";
  Parser p(over);
  CHECK(p.expect_tag().empty());
  CHECK(p.failed());
}

TEST_CASE("strings are written so that they read back") {
  for (const std::string s : {"", "plain", "two words", "quo\"te", "back\\slash", "line\r\nend",
                              "gr\xc3\xbcn", "%", "NIL", "]"}) {
    std::string out;
    append_astring(out, s);
    Parser p(out);
    CHECK(p.expect_astring() == s);
    CHECK(p.at_end());
    CHECK_FALSE(p.failed());
  }
  std::string out;
  append_astring(out, "NIL");
  CHECK(out == "\"NIL\"");
  out.clear();
  append_text(out, "a\r\nb\xff");
  CHECK(out == "a??b?");
}

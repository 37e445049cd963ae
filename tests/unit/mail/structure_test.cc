#include "mail/structure.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "mail/line_scan.h"

using namespace dmail::mail;

namespace {

std::string body(std::string_view message, bool extensible = false) {
  return body_text(message, parse_structure(message), extensible);
}
std::string content(std::string_view message, const std::vector<uint32_t>& path) {
  const Structure s = parse_structure(message);
  const Part* p = find_part(s, path);
  return p == nullptr ? "(none)"
                      : std::string(message.substr(p->body_start, p->body_end - p->body_start));
}
// What must hold for any message whatever.
void check_nesting(std::string_view message, const Structure& s) {
  REQUIRE(!s.parts.empty());
  REQUIRE(s.parts.size() <= kMaxParts);
  CHECK(s.parts[0].header_start == 0);
  CHECK(s.parts[0].body_end == message.size());
  for (const Part& p : s.parts) {
    REQUIRE(p.header_start <= p.body_start);
    REQUIRE(p.body_start <= p.body_end);
    REQUIRE(p.body_end <= message.size());
    REQUIRE(p.lines == count_newlines(message.substr(p.body_start, p.body_end - p.body_start)));
    uint64_t at = p.body_start;
    for (const size_t c : p.children) {
      REQUIRE(c < s.parts.size());
      REQUIRE(c > static_cast<size_t>(&p - s.parts.data()));  // no cycle
      REQUIRE(s.parts[c].header_start >= at);
      REQUIRE(s.parts[c].body_end <= p.body_end);
      at = s.parts[c].body_end;
    }
  }
}

constexpr std::string_view kTwoParts =
    "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b  \r\n"
    "Content-Type: image/gif; name=\"x\\\"y.gif\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "R0lG\r\n\r\n--b--\r\nepilogue\r\n";

}  // namespace

TEST_CASE("a message without MIME is text/plain") {
  CHECK(body("Subject: x\r\n\r\none\r\ntwo\r\n") ==
        R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2))");
  CHECK(body("") == R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0))");
  CHECK(body("Content-Type: nonsense\r\n\r\nx", true) ==
        R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1 0 NIL NIL NIL NIL))");
  CHECK(content("A: b\r\n\r\nbody", {1}) == "body");
  CHECK(content("A: b\r\n\r\nbody", {}) == "body");
  CHECK(content("A: b\r\n\r\nbody", {1, 1}) == "(none)");
  CHECK(content("A: b\r\n\r\nbody", {2}) == "(none)");
  CHECK(content("A: b\r\n\r\nbody", {0}) == "(none)");
}

TEST_CASE("type, parameters and the other fields are shown as sent") {
  CHECK(body("content-type: Text/Html (a page); CHARSET = \"utf-8\" ;format=flowed\r\n"
             "Content-Transfer-Encoding: Quoted-Printable (really)\r\nContent-ID: <i@d>\r\n"
             "Content-Description: a\r\n \"thing\"\r\nContent-MD5: Q2hlY2s=\r\n"
             "Content-Disposition: attachment; filename*0*=utf-8''a%20; filename*1=b=c.txt\r\n"
             "Content-Language: en, de\r\nContent-Location: x/y\r\n\r\n",
             true) ==
        "(\"TEXT\" \"HTML\" (\"CHARSET\" \"utf-8\" \"format\" \"flowed\") \"<i@d>\" "
        "\"a \\\"thing\\\"\" \"QUOTED-PRINTABLE\" 0 0 \"Q2hlY2s=\" (\"attachment\" (\"filename*\" "
        "\"utf-8''a%20b%3Dc.txt\")) (\"en\" \"de\") \"x/y\")");
  CHECK(body("Content-Type: application/pdf; name=\xc3\xbc; junk; =x; \"y\"=z\r\n\r\n") ==
        "(\"APPLICATION\" \"PDF\" (\"name\" {2}\r\n\xc3\xbc) NIL NIL \"7BIT\" 0)");
  CHECK(body("Content-Type: text/html charset=utf-8\r\n\tname=a b.txt\r\n\r\n") ==
        R"(("TEXT" "HTML" ("charset" "utf-8" "name" "a") NIL NIL "7BIT" 0 0))");
  CHECK(body("Content-Type: text/plain; name=\"open\r\n\r\nx") ==
        "(\"TEXT\" \"PLAIN\" (\"name\" \"open\" \"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0)");
}

TEST_CASE("an encoding that is none is taken for 7BIT") {
  const auto encoding = [](const std::string& value) {
    return parse_structure("Content-Transfer-Encoding: " + value + "\r\n\r\n").parts[0].encoding;
  };
  CHECK(encoding("base64") == "BASE64");
  CHECK(encoding(" 8bit; x") == "8BIT");
  CHECK(encoding("quoted printable") == "7BIT");
  CHECK(encoding("text/html") == "7BIT");
  CHECK(encoding("") == "7BIT");
}

TEST_CASE("lines that only begin like a MIME field are none") {
  CHECK(body("Content-\r\nContent-Type\r\nContent-: x\r\nContent-Type x: text/html\r\n"
             "Subject: y\r\nContent-Type: text/x\r\nContent-Type: text/y\r\n\r\n") ==
        R"(("TEXT" "X" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0))");
}

TEST_CASE("multiparts are cut at their boundaries") {
  CHECK(body(kTwoParts) ==
        "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3 0)"
        "(\"IMAGE\" \"GIF\" (\"name\" \"x\\\"y.gif\") NIL NIL \"BASE64\" 6) \"MIXED\")");
  CHECK(body(kTwoParts, true).ends_with(" \"MIXED\" (\"boundary\" \"b\") NIL NIL NIL)"));
  CHECK(content(kTwoParts, {1}) == "one");
  CHECK(content(kTwoParts, {2}) == "R0lG\r\n");
  CHECK(content(kTwoParts, {3}) == "(none)");
  CHECK(content(kTwoParts, {1, 1}) == "(none)");
  check_nesting(kTwoParts, parse_structure(kTwoParts));
}

TEST_CASE("enclosed messages are numbered as in RFC 3501") {
  const std::string inner =
      "From: i@x\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
      "--i\r\n\r\nA\r\n--i\r\nContent-Type: text/html\r\n\r\nB\r\n--i--\r\n";
  const std::string plain = "Subject: p\r\n\r\nplain\r\n";
  const std::string m =
      "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nfirst\r\n--o\r\n"
      "Content-Type: message/rfc822\r\n\r\n" +
      inner +
      "\r\n--o\r\n"
      "Content-Type: message/rfc822\r\n\r\n" +
      plain + "\r\n--o--\r\n";
  check_nesting(m, parse_structure(m));
  CHECK(content(m, {2}) == inner);
  CHECK(content(m, {2, 1}) == "A");
  CHECK(content(m, {2, 2}) == "B");
  CHECK(content(m, {2, 3}) == "(none)");
  CHECK(content(m, {3}) == plain);
  CHECK(content(m, {3, 1}) == "plain\r\n");
  CHECK(content(m, {3, 1, 1}) == "(none)");
  CHECK(content(m, {3, 2}) == "(none)");
  const Structure s = parse_structure(m);
  const Part* third = find_part(s, {3});
  REQUIRE(third != nullptr);
  CHECK(s.parts[third->children[0]].header_start == third->body_start);
  CHECK(
      body(m).find("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 21 (NIL \"p\" NIL NIL NIL NIL NIL "
                   "NIL NIL NIL) (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 7 "
                   "1) 3)") != std::string::npos);
  // A message that is nothing but another message: part 1 is the body, 1.1 the text inside.
  const std::string top = "Content-Type: message/rfc822\r\n\r\n" + plain;
  CHECK(content(top, {1}) == plain);
  CHECK(content(top, {1, 1}) == "plain\r\n");
}

TEST_CASE("a digest holds messages") {
  const std::string m =
      "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: x\r\n\r\n"
      "t\r\n--d\r\nContent-Type: text/plain\r\n\r\ny\r\n--d--\r\n";
  check_nesting(m, parse_structure(m));
  CHECK(parse_structure(m).parts.size() == 4);
  CHECK(content(m, {1}) == "Subject: x\r\n\r\nt");
  CHECK(content(m, {1, 1}) == "t");
  CHECK(content(m, {2}) == "y");
}

TEST_CASE("a multipart without parts shows one empty text") {
  for (const char* m : {"Content-Type: multipart/mixed\r\n\r\ntext\r\n",
                        "Content-Type: multipart/mixed; boundary=b\r\n\r\ntext\r\n",
                        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n"}) {
    CHECK(body(m) == R"((("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0) "MIXED"))");
    check_nesting(m, parse_structure(m));
    CHECK(content(m, {1}).empty());
  }
}

TEST_CASE("an encoded message/rfc822 is opaque") {
  const std::string m =
      "Content-Type: message/rfc822; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n";
  CHECK(body(m) == R"(("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 6))");
}

TEST_CASE("M20: boundary tricks") {
  const auto message = [](const std::string& boundary, const std::string& text) {
    return "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" + text;
  };
  // A prefix of another: the longer wins, whichever is inside.
  for (const auto& [outer, inner] :
       {std::pair{"a", "aa"}, {"aa", "a"}, {"a--b", "a"}, {"a", "a--b"}}) {
    const std::string o(outer);
    const std::string i(inner);
    const std::string m = message(
        o, "--" + o + "\r\n" +
               message(i, "--" + i + "\r\n\r\none\r\n--" + i + "\r\n\r\ntwo\r\n--" + i + "--\r\n") +
               "--" + o + "\r\n\r\nthree\r\n--" + o + "--\r\n");
    CHECK(content(m, {1, 1}) == "one");
    CHECK(content(m, {1, 2}) == "two");
    CHECK(content(m, {2}) == "three");
    check_nesting(m, parse_structure(m));
  }
  CHECK(parse_structure(message("", "--\r\n\r\nx\r\n----\r\n")).parts.size() == 2);
  CHECK(content(message("a.*[", "--a.*[\r\n\r\nx\r\n--a.*[--"), {1}) == "x");
  CHECK(content(message("a ", "--a\r\n\r\nx\r\n--a \t\r\n\r\ny"), {2}) == "y");
  CHECK(content(message("a", "--a\r\n\r\nx\r\n--ab\r\n--a"), {1}) == "x\r\n--ab");
  CHECK(content(message("a", "--a\r\n\r\nx"), {1}) == "x");  // never closed
  const std::string big(2000, 'B');
  CHECK(content(message(big, "--" + big + "\r\n\r\nx\r\n--" + big + "--\r\n"), {1}) == "x");
  const std::string huge(kMaxBoundary + 1, 'B');
  CHECK(content(message(huge, "--" + huge + "\r\n\r\nx\r\n--" + huge + "--\r\n"), {1}).empty());
  // The outer boundary ends inner parts that were never closed.
  const std::string open =
      message("o", "--o\r\n" + message("i", "--i\r\n\r\nx\r\n") + "--o\r\n\r\ny\r\n--o--");
  CHECK(content(open, {1, 1}) == "x");
  CHECK(content(open, {2}) == "y");
}

TEST_CASE("a boundary ends a header that has no empty line") {
  const std::string head = "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n";
  for (const std::string& part :
       {std::string("Content-Type: text/html"), std::string("Content-Type: message/rfc822\r\n"),
        std::string("Content-Type: message/rfc822\r\n\r\n"), std::string(), std::string("\r\n"),
        std::string("Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n"),
        std::string("Content-Type: multipart/mixed; boundary=i\r\n\r\n--i"),
        std::string(
            "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\nContent-Type: text/html")}) {
    const std::string m = head + part + "\r\n--o\r\n\r\nnext\r\n--o--\r\n";
    check_nesting(m, parse_structure(m));
    CHECK(content(m, {2}) == "next");
    CHECK_FALSE(body(m, true).empty());
  }
}

TEST_CASE("M06: the same boundary at every level") {
  std::string m;
  for (int i = 0; i < 300; ++i)
    m += "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
         "message/rfc822\r\n\r\n";
  m += "\r\ntext\r\n";
  for (int i = 0; i < 300; ++i) m += "--b--\r\n";
  const Structure s = parse_structure(m);
  check_nesting(m, s);
  CHECK(s.parts.size() <= 600);  // at most one a boundary line and one a message
  CHECK_FALSE(body_text(m, s, true).empty());
  const std::string flat =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--b--\r\n"
      "--b\r\n\r\nout\r\n--b--\r\n";
  CHECK(content(flat, {1, 1}) == "in");
  CHECK(content(flat, {2}) == "out");
}

TEST_CASE("M01: very many and very deep parts") {
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 100000; ++i) many += "--b\r\n\r\nx\r\n";
  check_nesting(many, parse_structure(many));
  CHECK(parse_structure(many).parts.size() == kMaxParts);
  std::string deep;
  for (int i = 0; i < 10000; ++i)
    deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" +
            std::to_string(i) + "\r\n";
  check_nesting(deep, parse_structure(deep));
  CHECK_FALSE(body(deep, true).empty());
  std::string nested;
  for (int i = 0; i < 10000; ++i) nested += "Content-Type: message/rfc822\r\n\r\n";
  const Structure s = parse_structure(nested);
  check_nesting(nested, s);
  CHECK(s.parts.size() == kMaxDepth);
  CHECK(s.parts.back().opaque);
  CHECK(body_text(nested, s, true).find("\"OCTET-STREAM\"") != std::string::npos);
}

TEST_CASE("M02: the part at the limit is a message or a digest child") {
  for (const char* type : {"mixed", "digest"})
    for (int parts = static_cast<int>(kMaxParts) - 4; parts < static_cast<int>(kMaxParts) + 2;
         ++parts) {
      std::string m = std::string("Content-Type: multipart/") + type + "; boundary=b\r\n\r\n";
      for (int i = 1; i < parts; ++i) m += "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n";
      m += *type == 'd'
               ? "--b\r\n\r\nSubject: last\r\n\r\ny\r\n--b--\r\n"
               : "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: last\r\n\r\ny\r\n--b--\r\n";
      const Structure s = parse_structure(m);
      check_nesting(m, s);
      const std::string text = body_text(m, s, false);
      // The message itself, the texts before, the last and what it encloses.
      const bool room = parts + 2 <= static_cast<int>(kMaxParts);
      CHECK((text.find("\"MESSAGE\"") != std::string::npos) == room);
    }
}

TEST_CASE("M05: parameter pieces beyond the limit are dropped") {
  std::string m = "Content-Type: text/plain";
  for (int i = 0; i < 100000; ++i) m += ";\r\n name*" + std::to_string(i) + "=x";
  m += "\r\n\r\nbody";
  const std::string text = body(m);
  CHECK(text.find("\"name\" \"" + std::string(128, 'x') + "\"") != std::string::npos);
}

TEST_CASE("a type without a subtype is plain text, its parameters stay") {
  CHECK(body("Content-Type: PDF; name=\"x.pdf\"\r\n\r\n") ==
        "(\"TEXT\" \"PLAIN\" (\"name\" \"x.pdf\" \"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0)");
  CHECK(body("Content-Type: text; charset=utf-8; name=a.txt\r\n\r\n") ==
        "(\"TEXT\" \"PLAIN\" (\"charset\" \"utf-8\" \"name\" \"a.txt\") NIL NIL \"7BIT\" 0 0)");
  // Not a multipart, whatever it says.
  CHECK(body("Content-Type: multipart; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n")
            .starts_with("(\"TEXT\" \"PLAIN\" (\"boundary\" \"b\" "));
  for (const char* none : {"/pdf; name=x", "; name=x", "a b; name=x", "\"pdf\"; name=x"})
    CHECK(body("Content-Type: " + std::string(none) + "\r\n\r\n") ==
          "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0)");
}

TEST_CASE("pieces of a parameter are put together") {
  const auto parameters = [](const std::string& type) {
    const std::string text = body("Content-Type: application/pdf; " + type + "\r\n\r\n");
    const size_t start = text.find("\"PDF\" ") + 6;
    return text.substr(start, text.find(" NIL", start) - start);
  };
  CHECK(parameters("name*0*=utf-8''Rechnung%20f; name*1*=%C3%BCr; name*2=.pdf") ==
        "(\"name*\" \"utf-8''Rechnung%20f%C3%BCr.pdf\")");
  CHECK(parameters("NAME*1=b.pdf; a=b; name*0=\"a \"") == "(\"a\" \"b\" \"name\" \"a b.pdf\")");
  CHECK(parameters("name*0=a; name*1*=%20b") == "(\"name*\" \"''a%20b\")");
  // What does not fit stays as it was sent.
  CHECK(parameters("name*1=b; name*2=c") == "(\"name*1\" \"b\" \"name*2\" \"c\")");
  CHECK(parameters("name*0=a; name*2=c; name*00=x") ==
        "(\"name*0\" \"a\" \"name*2\" \"c\" \"name*00\" \"x\")");
  CHECK(parameters("name*=utf-8''x") == "(\"name*\" \"utf-8''x\")");
}

TEST_CASE("M11: NUL in header names, boundaries and body") {
  using namespace std::string_literals;
  const std::string m =
      "Sub\0ject: x\r\nContent-Type: multipart/mixed; boundary=\"a\0b\"\r\n\r\n--a\0b\r\n\r\nx\0y\r\n--a\0b--\r\n"s;
  CHECK(content(m, {1}) == "x\0y"s);
  const std::string text = body(m, true);
  CHECK(text.find('\0') == std::string::npos);
  CHECK(text.find("\"boundary\" \"ab\"") != std::string::npos);
}

TEST_CASE("M21: mixed line ends never break the tree") {
  for (const std::string eol : {"\n", "\r", "\r\r\n", "\r\n", "\n\r"}) {
    std::string m;
    for (const char* line :
         {"Content-Type: multipart/mixed; boundary=b", "", "--b", "", "one", "--b",
          "Content-Type: message/rfc822", "", "Subject: x", "", "two", "--b--"})
      m += line + eol;
    check_nesting(m, parse_structure(m));
    CHECK_FALSE(body(m, true).empty());
    m.pop_back();
    check_nesting(m, parse_structure(m));
  }
  const std::string lf = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n";
  CHECK(content(lf, {1}) == "one");
}

TEST_CASE("find_dash_line and count_newlines agree with the obvious loops") {
  uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string s;
    const size_t size = state % 700;
    for (size_t i = 0; i < size; ++i) {
      state = state * 1664525 + 1013904223;
      s += "\n-\n-abcdefghijklmnop"[(state >> 24) % (round % 2 == 0 ? 20 : 5)];
    }
    const size_t from = size == 0 ? 0 : state % size;
    uint64_t newlines = 0;
    const size_t found = find_dash_line(s, from, newlines);
    const size_t expected = s.find("\n--", from);
    REQUIRE(found == expected);
    const std::string_view before =
        std::string_view(s).substr(from, found == std::string::npos ? found : found - from);
    REQUIRE(newlines == static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n')));
    REQUIRE(count_newlines(before) == newlines);
  }
}

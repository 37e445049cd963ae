#include "dsmtpd/data_reader.h"

#include <catch2/catch.hpp>
#include <string>

#include "dsmtpd/limits.h"

using namespace dmail::dsmtpd;

namespace {

struct Fed {
  std::string out;
  size_t used = 0;
  bool end = false, bare = false;
};

// The same for every split, or the test fails.
Fed feed(const std::string& input, uint64_t max = 1 << 20) {
  Fed whole;
  DataReader reader(max);
  whole.used = reader.feed(input, whole.out);
  whole.end = reader.at_end();
  whole.bare = reader.bare_cr_or_lf();
  DataReader bytewise(max);
  std::string out;
  size_t used = 0;
  for (const char& c : input) {
    if (bytewise.at_end()) break;
    used += bytewise.feed({&c, 1}, out);
  }
  CHECK(out == whole.out);
  CHECK(used == whole.used);
  CHECK(bytewise.at_end() == whole.end);
  CHECK(bytewise.bare_cr_or_lf() == whole.bare);
  CHECK(bytewise.hops() == reader.hops());
  CHECK(bytewise.size() == reader.size());
  return whole;
}

}  // namespace

TEST_CASE("the end of data, and dot-stuffing") {
  CHECK(feed(".\r\n").end);
  CHECK(feed(".\r\n").out.empty());
  const Fed fed = feed("a\r\n..b\r\n.c\r\n..\r\n\r\n.\r\nQUIT\r\n");
  CHECK(fed.end);
  CHECK(fed.out == "a\r\n.b\r\nc\r\n.\r\n\r\n");
  CHECK(fed.used == 21);
  CHECK_FALSE(fed.bare);
  CHECK_FALSE(feed("a\r\n.").end);
  CHECK_FALSE(feed("a\r\n.\r").end);
  CHECK_FALSE(feed("a.\r\n").end);
}

TEST_CASE("a LF alone from who may send it is a line end, and never the end of data") {
  DataReader reader(1 << 20, true);
  std::string out;
  const std::string text = "A: b\n\nx\n.\n.\r\n..y\n..z\r\n.\n.\r\n";
  CHECK(reader.feed(text, out) == text.size());
  CHECK_FALSE(reader.at_end());
  CHECK_FALSE(reader.bare_cr_or_lf());
  CHECK(out == "A: b\r\n\r\nx\r\n.\r\n.\r\n.y\r\n..z\r\n.\r\n.\r\n");
  CHECK(reader.feed(".\r\n", out) == 3);
  CHECK(reader.at_end());
  DataReader cr(1 << 20, true);
  (void)cr.feed("a\rb\r\n.\r\n", out);
  CHECK(cr.bare_cr_or_lf());
  DataReader odd(1 << 20, true);
  (void)odd.feed("x\r\n.\r\r\n.\r\n", out);
  CHECK(odd.bare_cr_or_lf());
}

TEST_CASE("the Message-ID is found in the header, and only there") {
  const auto id_in = [](const std::string& text) {
    DataReader reader(1 << 20);
    std::string out;
    for (const char& c : text) (void)reader.feed({&c, 1}, out);
    return reader.message_id();
  };
  CHECK(id_in("A: b\r\nmessage-id: <a@b>  \r\n\r\n") == "<a@b>");
  CHECK(id_in("Message-ID:\r\n\t<folded@x>\r\n\r\n") == "<folded@x>");
  CHECK(id_in("Message-ID:\r\nSubject: x\r\n y\r\n\r\n").empty());
  CHECK(id_in("A: b\r\n\r\nMessage-ID: <body@x>\r\n").empty());
  CHECK(id_in("Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n") == "<1@x>");
  CHECK(id_in("Message-ID: <a\x01 \xe9@x>\r\n\r\n") == "<a???@x>");
  CHECK(id_in("Message-ID: <" + std::string(900, 'a') + ">\r\n\r\n").size() ==
        DataReader::kMaxLoggedId);
}

TEST_CASE("NUL and 8-bit bytes are text") {
  const std::string text("a\0b\xff\r\n", 6);
  const Fed fed = feed(text + ".\r\n");
  CHECK(fed.out == text);
  CHECK_FALSE(fed.bare);
}

TEST_CASE("S01: nothing but CR LF dot CR LF ends a message") {
  for (const std::string end :
       {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\n.\r\r\n",
        "\r\r\n.\r\r\n", "\n\n.\n\n", "\r\n.\n\r\n"}) {
    const std::string smuggled = "a" + end + "MAIL FROM:<admin@x.example>\r\n";
    const Fed fed = feed(smuggled);
    CHECK_FALSE(fed.end);
    CHECK(fed.bare);
    const Fed whole = feed(smuggled + ".\r\n");
    CHECK(whole.end);
    CHECK(whole.used == smuggled.size() + 3);
  }
  const std::string nul = std::string("a\r\n\0.\r\nMAIL FROM:<x@y>\r\n", 24);
  CHECK_FALSE(feed(nul).end);
  CHECK_FALSE(feed(nul).bare);
}

TEST_CASE("sizes are counted without stuffing") {
  const std::string text = "12345678\r\n";
  std::string out;
  DataReader exact(10);
  exact.feed(text + ".\r\n", out);
  CHECK_FALSE(exact.too_large());
  CHECK(out == text);
  DataReader small(9);
  out.clear();
  small.feed(text + ".\r\n", out);
  CHECK(small.too_large());
  CHECK(small.at_end());
  CHECK(small.size() == 10);
}

TEST_CASE("lines have a limit") {
  std::string out;
  DataReader fits(uint64_t{1} << 30);
  fits.feed(std::string(kMaxTextLine, 'x') + "\r\n.\r\n", out);
  CHECK(fits.acceptable());
  CHECK(out.size() == kMaxTextLine + 2);
  DataReader longer(uint64_t{1} << 30);
  longer.feed(std::string(kMaxTextLine + 1, 'x') + "\r\n.\r\n", out);
  CHECK(longer.line_too_long());
  CHECK(longer.at_end());
}

TEST_CASE("hops are Received fields of the header only") {
  std::string out;
  DataReader reader(1 << 20);
  reader.feed(
      "Received: a\r\nreceived: b\r\n\tReceived: folded\r\nX-Received: c\r\nReceived\r\n\r\n"
      "Received: body\r\n.\r\n",
      out);
  CHECK(reader.hops() == 2);
}

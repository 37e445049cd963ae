#include "mail/search.h"

#include <catch2/catch.hpp>

#include "base/ascii.h"

using namespace dmail::mail;

namespace {

bool in_body(std::string_view needle, std::string_view message) {
  return TextNeedle(needle).in_body(message, parse_structure(message));
}
bool in_text(std::string_view needle, std::string_view message) {
  return TextNeedle(needle).in_text(message, parse_structure(message));
}

constexpr std::string_view kMessage =
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Long: one\r\n two\r\n"
    "Content-Type: multipart/mixed; boundary=bound\r\n\r\npreamble\r\n"
    "--bound\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nStra\xdf"
    "e ZUM B\xc4R\r\n"
    "--bound\r\nContent-Type: text/html; charset=utf-8; name=partname\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nsoft=\r\nbreak f=C3=BCr\r\n"
    "--bound\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: "
    "base64\r\n\r\n"
    "8NLJ18XU\r\n"
    "--bound\r\nContent-Type: application/octet-stream\r\n\r\nbinaryword\r\n"
    "--bound\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner subject\r\n\r\ninner text\r\n"
    "--bound--\r\n";

}  // namespace

TEST_CASE("bodies are searched decoded and folded") {
  CHECK(in_body("zum bär", kMessage));
  CHECK(in_body("STRAßE", kMessage));
  CHECK(in_body("SoftBreak", kMessage));
  CHECK(in_body("FÜR", kMessage));
  CHECK(in_body("привет", kMessage));
  CHECK(in_body("INNER TEXT", kMessage));
  CHECK(in_body("inner subject", kMessage));
  CHECK(in_body("", kMessage));
  CHECK_FALSE(in_body("Grüße", kMessage));
  CHECK_FALSE(in_body("partname", kMessage));
  CHECK_FALSE(in_body("binaryword", kMessage));
  CHECK_FALSE(in_body("preamble", kMessage));
  CHECK_FALSE(in_body("8NLJ18XU", kMessage));
  CHECK_FALSE(in_body("nowhere", kMessage));
}

TEST_CASE("texts include all headers") {
  CHECK(in_text("GRÜßE", kMessage));
  CHECK(in_text("one two", kMessage));
  CHECK(in_text("partname", kMessage));
  CHECK(in_text("x-long", kMessage));
  CHECK(in_text("softbreak", kMessage));
  CHECK_FALSE(in_text("nowhere", kMessage));
  CHECK_FALSE(in_text("нигде", kMessage));
}

TEST_CASE("header values are searched unfolded and decoded") {
  CHECK(TextNeedle("grüße AN").in_header(" =?iso-8859-1?q?Gr=FC=DFe?=\r\n an alle"));
  CHECK(TextNeedle("b c").in_header("a b\r\n c"));
  CHECK(TextNeedle("").in_header(""));
  CHECK_FALSE(TextNeedle("x").in_header(""));
  CHECK(TextNeedle("ä").in_header("raw \xc3\x84"));
}

TEST_CASE("the finder agrees with the obvious search") {
  uint32_t state = 7;
  const auto random = [&state](uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % below;
  };
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    std::string needle;
    const std::string_view letters = round % 2 == 0 ? "aAbB" : "aAbBcCxyz @`[{\x01\x80\xa0";
    const uint32_t size = random(80);
    for (uint32_t i = 0; i < size; ++i)
      text += letters[random(static_cast<uint32_t>(letters.size()))];
    const uint32_t length = 1 + random(6);
    for (uint32_t i = 0; i < length; ++i)
      needle += letters[random(static_cast<uint32_t>(letters.size()))];
    const bool expected = dmail::lower(text).find(dmail::lower(needle)) != std::string::npos;
    const bool eight = text.find_first_of("\x80\xa0") != std::string::npos;
    bool told = !eight;
    REQUIRE(AsciiFinder(needle).in(text, told) == expected);
    REQUIRE((expected || told == eight));
    REQUIRE(has_8bit(text) == eight);
  }
}

TEST_CASE("long needles and texts made to be slow") {
  for (const size_t size : {127, 128, 129, 1000, 20000}) {
    const std::string needle = std::string(size, 'a') + "B" + std::string(size, 'a');
    const AsciiFinder finder(needle);
    CHECK(finder.in("x" + needle + "y"));
    CHECK(finder.in(dmail::upper(needle)));
    CHECK_FALSE(finder.in(needle.substr(1)));
    bool eight = false;
    CHECK_FALSE(finder.in(std::string(3 * size, 'a') + "\xe4", eight));
    CHECK(eight);
    std::string slow;
    while (slow.size() < 2000000) slow += std::string(size - 1, 'a') + "b";
    CHECK_FALSE(finder.in(slow));
  }
  CHECK(in_body(std::string(300, 'Q'), "A: b\r\n\r\n" + std::string(301, 'q')));
}

TEST_CASE("FROM and its like look at addresses") {
  const auto found = [](const char* needle, const char* field) {
    return TextNeedle(needle).in_addresses(field);
  };
  const char* odd = "<user-from (comment)@ (comment) domain.org>";
  CHECK(found("user-from@domain.org", odd));
  CHECK(found("USER-FROM@domain", odd));
  CHECK_FALSE(found("user-from (", odd));
  CHECK(found("doe, john <j@d.example>", "\"Doe, John\" <j@d.example>, x@y"));
  CHECK(found("m\xc3\xbcller", "=?utf-8?q?M=C3=BCller?= <m @ d.example>"));
  CHECK(found("m@d.example", "=?utf-8?q?M=C3=BCller?= <m @ d.example>"));
  CHECK(found("b.example", "plain <a@b.example>"));
  CHECK_FALSE(found("c.example", "plain (c.example) <a@b.example>"));
  CHECK(found("", "(nothing)"));
}

// The number that tells a text from others (store/text_identity.h).
#include "store/text_identity.h"

#include <catch2/catch.hpp>

#include "base/text.h"

namespace dmail::store {
namespace {

uint64_t identity(std::string_view text, size_t piece = std::string_view::npos) {
  TextIdentity i;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    i.feed(text.substr(0, piece));
  return i.value();
}

const std::string kHeader =
    "Subject: a subject that is longer than one step of 32 octets\nTo: a@b\n";
const std::string kBody = "\nA body of several lines, and\nmore than one step of it.\nStatus: R\n";

}  // namespace

TEST_CASE("text identity: how the text is cut in pieces does not matter") {
  const std::string hidden = "X-Status: A\n folded\nStatus: RO\nX-DMail: 1 +0000 size=1\n";
  for (const std::string& text :
       {kHeader + kBody, kHeader + hidden + kBody, "Lines: 4\r\n" + kHeader + "\r" + kBody, kHeader,
        std::string("S"), std::string(), std::string("\n"), kHeader + "Sub"})
    for (size_t piece = 1; piece < text.size(); ++piece)
      CHECK(identity(text, piece) == identity(text));
}

TEST_CASE("text identity: bookkeeping fields come and go") {
  const uint64_t plain = identity(kHeader + kBody);
  for (const char* line : {"Status: RO\n", "X-Status: AF\n", "content-length: 99\n", "Lines: 1\n",
                           "X-UID: 7\n", "X-Keywords: a b\n c d\n", "X-IMAPbase: 1 2\n",
                           "X-IMAP: 1 2\n", "X-DMail: 1 +0000 size=0000000259\n"}) {
    CHECK(identity(line + kHeader + kBody) == plain);
    CHECK(identity(kHeader + line + kBody) == plain);
    CHECK(identity(kHeader + line + line + kBody, 7) == plain);
  }
}

TEST_CASE("text identity: every octet of header and body counts") {
  const std::string text = kHeader + kBody;
  const uint64_t plain = identity(text);
  for (size_t at = 0; at < text.size(); ++at) {
    if (at + 1 == kHeader.size() || at == kHeader.size()) continue;  // where the header ends
    std::string other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    CHECK(identity(other) != plain);
    CHECK(identity(text.substr(0, at)) != plain);
  }
  CHECK(identity(kHeader + "Status-Of: x\n" + kBody) != plain);
  CHECK(identity(text + '\0') != plain);
  TextIdentity header(true), other(true);
  header.feed(text);
  other.feed(text + "more");
  CHECK(header.value() == other.value());
}

TEST_CASE("text identity: says whether anything was passed over") {
  TextIdentity none, some;
  none.feed(kHeader + kBody);
  some.feed(kHeader + "Lines: 3\n" + kBody);
  CHECK_FALSE(none.has_hidden());
  CHECK(some.has_hidden());
}

}  // namespace dmail::store

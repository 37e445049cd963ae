// FETCH of a message that goes while it is told.
#include <catch2/catch.hpp>

#include "tests/unit/imapd/talk.h"

using namespace dmail;
using namespace dmail::imapd;
using namespace dmail::imapd::test;

namespace {

std::string fetched(const std::string& text, const std::string& items) {
  FakeStore store;
  store.folder("INBOX").add(text);
  store.gone_after_send = true;
  std::string out = talk(store, "a SELECT INBOX\r\nb FETCH 1 (" + items + ")\r\n");
  out.erase(0, out.find("a OK"));
  return out.substr(out.find('\n') + 1);
}

const std::string kHeader = "Subject: x\r\n\r\n";

}  // namespace

TEST_CASE("FETCH: what fails before the first octet has left leaves no trace") {
  const std::string out = fetched(kHeader + "body\r\n", "UID BODY.PEEK[] ENVELOPE FLAGS");
  CHECK(out.find("FETCH (") == std::string::npos);
  CHECK(out.find("b NO [EXPUNGEISSUED] ") != std::string::npos);
}

TEST_CASE("FETCH: what fails behind it is NIL, and the response is whole") {
  const std::string text = kHeader + std::string(300000, 'x') + "\r\n";
  const std::string out =
      fetched(text, "UID BODY.PEEK[] ENVELOPE BODY.PEEK[HEADER] RFC822.HEADER BODY FLAGS");
  const std::string head = concat("* 1 FETCH (UID 1 BODY[] {", text.size(), "}\r\n");
  REQUIRE(out.starts_with(head + text));
  CHECK(out.find('\0') == std::string::npos);
  const std::string rest = out.substr(head.size() + text.size());
  CHECK(rest.starts_with(" ENVELOPE NIL BODY[HEADER] NIL RFC822.HEADER NIL BODY NIL FLAGS ("));
  CHECK(rest.find(")\r\n") != std::string::npos);
  CHECK(rest.find("b NO [EXPUNGEISSUED] ") != std::string::npos);
}

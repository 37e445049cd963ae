// Limits of search keys that a conversation cannot hit to the second.
#include "imapd/search_match.h"

#include <catch2/catch.hpp>

#include "tests/unit/imapd/fake_store.h"

namespace dmail::imapd {

TEST_CASE("a message of exactly that age is both older and younger (RFC 5032)") {
  constexpr int64_t kNow = 1'700'000'000;
  constexpr uint64_t kAge = 3600;
  test::FakeStore store;
  auto& inbox = store.folder("INBOX");
  inbox.add("Subject: 1\r\n\r\n", 0, kNow - static_cast<int64_t>(kAge) - 1);
  inbox.add("Subject: 2\r\n\r\n", 0, kNow - static_cast<int64_t>(kAge));
  inbox.add("Subject: 3\r\n\r\n", 0, kNow - static_cast<int64_t>(kAge) + 1);
  auto box = store.select("INBOX", true);
  REQUIRE(box);
  SearchMatcher matcher(**box, kNow);
  SearchKey older, younger;
  older.kind = SearchKey::Kind::Older;
  younger.kind = SearchKey::Kind::Younger;
  older.size = younger.size = kAge;
  CHECK(matcher.matches(older, 1));
  CHECK(matcher.matches(older, 2));
  CHECK_FALSE(matcher.matches(older, 3));
  CHECK_FALSE(matcher.matches(younger, 1));
  CHECK(matcher.matches(younger, 2));
  CHECK(matcher.matches(younger, 3));
}

}  // namespace dmail::imapd

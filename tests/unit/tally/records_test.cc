#include "tools/dmtally/records.h"

#include <catch2/catch.hpp>

namespace dmail::tally {
namespace {

constexpr int64_t kNow = 1'800'000'000'000;  // some millisecond
constexpr int64_t kDelay = 2000, kMost = 15000;
constexpr int64_t kHalf = kHalfLife * 1000;

}  // namespace

TEST_CASE("records: the delay doubles up to its limit") {
  CHECK(delay_ms(0, kDelay, kMost) == 0);
  CHECK(delay_ms(1, kDelay, kMost) == 2000);
  CHECK(delay_ms(2, kDelay, kMost) == 4000);
  CHECK(delay_ms(3, kDelay, kMost) == 8000);
  CHECK(delay_ms(4, kDelay, kMost) == 15000);
  CHECK(delay_ms(kMaxFailures, kDelay, kMost) == 15000);
  CHECK(delay_ms(kMaxFailures, 60000, 60000) == 60000);
  CHECK(delay_ms(kMaxFailures, 0, kMost) == 0);
}

TEST_CASE("records: one who waits for every answer waits no longer than the answers take") {
  Failures f;
  int64_t now = kNow;
  for (int64_t expected : {2000, 4000, 8000, 15000, 15000}) {
    CHECK(begin_attempt(f, now, kDelay, kMost) == 0);
    CHECK(count_failure(f, now, kDelay, kMost) == expected);
    now += expected;
  }
}

TEST_CASE("records: attempts side by side queue up, and nobody waits longer than the limit") {
  Failures f;
  count_failure(f, kNow, kDelay, kMost);
  count_failure(f, kNow, kDelay, kMost);  // 4 s from now on
  CHECK(begin_attempt(f, kNow, kDelay, kMost) == 4000);
  CHECK(begin_attempt(f, kNow, kDelay, kMost) == 8000);
  CHECK(begin_attempt(f, kNow, kDelay, kMost) == 12000);
  // Who would wait longer is not looked at, and keeps no one else waiting.
  for (int i = 0; i < 100; ++i) CHECK(begin_attempt(f, kNow, kDelay, kMost) == kFull);
  CHECK(begin_attempt(f, kNow + 1000, kDelay, kMost) == 15000);
  CHECK(begin_attempt(f, kNow + 1000, kDelay, kMost) == kFull);
  // And they are let go again.
  CHECK(begin_attempt(f, kNow + 20000, kDelay, kMost) == 0);
}

TEST_CASE("records: an address without failures never waits and leaves no record") {
  Failures f;
  for (int i = 0; i < 10; ++i) CHECK(begin_attempt(f, kNow, kDelay, kMost) == 0);
  CHECK(f.count == 0);
}

TEST_CASE("records: failures are forgotten by halves, and at last altogether") {
  Failures f;
  for (int i = 0; i < 5; ++i) count_failure(f, kNow, kDelay, kMost);
  CHECK(at(f, kNow + kHalf - 1).count == 5);
  CHECK(at(f, kNow + kHalf).count == 2);
  CHECK(at(f, kNow + 2 * kHalf).count == 1);
  CHECK(at(f, kNow + 3 * kHalf - 1).count == 1);
  CHECK(at(f, kNow + 3 * kHalf).count == 0);
  CHECK(expiry_ms(f) == kNow + 3 * kHalf);
  CHECK(at(f, kNow + (int64_t{1} << 40)).count == 0);
  // Looking again and again does not stop the forgetting.
  for (int64_t t = 0; t <= kHalf; t += kHalf / 7) f = at(f, kNow + t);
  CHECK(at(f, kNow + kHalf).count == 2);
}

TEST_CASE("records: the count has a limit, so that it is forgotten in a known time") {
  Failures f;
  for (int i = 0; i < 1000; ++i) count_failure(f, kNow, kDelay, kMost);
  CHECK(f.count == kMaxFailures);
  CHECK(at(f, kNow + 6 * kHalf).count == 0);
}

TEST_CASE("records: a clock that is set back delays nobody for long") {
  Failures f;
  count_failure(f, kNow, kDelay, kMost);
  const int64_t earlier = kNow - 100 * kHalf;
  CHECK(begin_attempt(f, earlier, kDelay, kMost) <= kMost);
  CHECK(at(f, earlier + kHalf).count == 0);
  Failures g;
  count_failure(g, kNow, kDelay, kMost);
  count_failure(g, earlier, kDelay, kMost);
  CHECK(begin_attempt(g, earlier, kDelay, kMost) <= kMost);
}

TEST_CASE("records: stored and read again; what cannot be read is nothing") {
  Failures f;
  count_failure(f, kNow, kDelay, kMost);
  const Failures back = failures_of(serialise(f));
  CHECK(back.count == 1);
  CHECK(back.since_ms == f.since_ms);
  CHECK(back.free_ms == f.free_ms);
  for (const char* bad : {"", "1", "1 2", "x 2 3", "-1 2 3", "33 2 3", "1 2 99999999999999999999"})
    CHECK(failures_of(bad).count == 0);
  CHECK(failures_of(std::nullopt).count == 0);
}

TEST_CASE("records: a login counts for its window, or the shorter one of today") {
  const auto login = login_of(serialise(Login{1000, 100, "joe b@example.com"}));
  REQUIRE(login);
  CHECK(login->user == "joe b@example.com");
  CHECK(left(*login, 1000, 100) == 100);
  CHECK(left(*login, 1099, 100) == 1);
  CHECK(left(*login, 1100, 100) == 0);
  CHECK(left(*login, 1010, 20) == 10);
  CHECK(left(*login, 1020, 20) == 0);
  CHECK(left(*login, 1050, 1000) == 50);
  CHECK(left(*login, 999, 100) == 0);  // the clock was set back
  for (const char* bad : {"", "1000", "1000 5", "1000 5 ", "x 5 joe", "5 x joe"})
    CHECK_FALSE(login_of(bad));
  CHECK_FALSE(login_of("5 5 " + std::string(kMaxUser + 1, 'u')));
}

}  // namespace dmail::tally

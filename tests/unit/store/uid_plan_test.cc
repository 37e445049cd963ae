#include "store/uid_plan.h"

#include <catch2/catch.hpp>

using namespace dmail::store;

namespace {

constexpr int64_t kNow = 1700000000;

Record record(uint32_t uid, uint32_t identity) {
  Record r;
  r.uid = uid;
  r.size = identity;
  r.prefix_crc = identity * 7;
  r.internal_date = 1000000 + identity;
  return r;
}

std::vector<uint32_t> uids(const std::vector<Record>& records) {
  std::vector<uint32_t> out;
  for (const Record& r : records) out.push_back(r.uid);
  return out;
}

using Uids = std::vector<uint32_t>;

}  // namespace

TEST_CASE("a file without UIDs and index counts from one, with the date of its first message") {
  std::vector<Record> found{record(0, 1), record(0, 2), record(0, 3)};
  const UidPlan plan = plan_uids(found, {}, {}, kNow);
  CHECK(uids(found) == Uids{1, 2, 3});
  CHECK(plan.uid_validity == 1000001);
  CHECK(plan.next_uid == 4);
  CHECK(plan.first_new == 1);
  CHECK(plan.given == Uids{0, 1, 2});
  found[0].internal_date = kNow + 1000000;  // a date that cannot be
  for (Record& r : found) r.uid = 0;
  CHECK(plan_uids(found, {}, {}, kNow).uid_validity == kNow);
}

TEST_CASE("UIDs in the file are believed when they ascend") {
  std::vector<Record> found{record(3, 1), record(7, 2), record(0, 3)};
  const UidPlan plan = plan_uids(found, {50, 9, 0}, {}, kNow);
  CHECK(uids(found) == Uids{3, 7, 10});
  CHECK(plan.uid_validity == 50);
  CHECK(plan.first_new == 10);
  std::vector<Record> wrong{record(7, 1), record(3, 2)};
  const UidPlan other = plan_uids(wrong, {50, 9, 0}, {}, kNow);
  CHECK(uids(wrong) == Uids{1, 2});
  CHECK(other.uid_validity == kNow);
  std::vector<Record> later{record(7, 1), record(7, 2)};
  CHECK(plan_uids(later, {4000000000, 9, 0}, {}, kNow).uid_validity == 4000000001);
}

TEST_CASE("messages without UID between known ones are known when they fill the gap") {
  std::vector<Record> found{record(0, 1), record(0, 2), record(3, 3), record(0, 4)};
  const UidPlan plan = plan_uids(found, {50, 3, 0}, {}, kNow);
  CHECK(uids(found) == Uids{1, 2, 3, 4});
  CHECK(plan.uid_validity == 50);
  std::vector<Record> gap{record(0, 1), record(3, 3)};
  CHECK(plan_uids(gap, {50, 3, 0}, {}, kNow).uid_validity != 50);
  CHECK(uids(gap) == Uids{1, 2});
}

TEST_CASE("the old index tells what the file does not") {
  const std::vector<Record> old{record(10, 1), record(11, 2), record(15, 3)};
  std::vector<Record> found{record(0, 1), record(0, 3), record(0, 9)};
  const UidPlan plan = plan_uids(found, {}, {77, 21, old}, kNow);
  CHECK(uids(found) == Uids{10, 15, 21});
  CHECK(plan.uid_validity == 77);
  CHECK(plan.next_uid == 22);
  CHECK(plan.old_of == Uids{1, 3, 0});
  // An index of another mailbox does not count.
  std::vector<Record> strange{record(0, 101), record(0, 102)};
  CHECK(plan_uids(strange, {}, {77, 21, old}, kNow).uid_validity == 1000101);
  CHECK(uids(strange) == Uids{1, 2});
  std::vector<Record> same{record(0, 1)};
  CHECK(plan_uids(same, {78, 5, 0}, {77, 21, old}, kNow).uid_validity == 78);
  CHECK(uids(same) == Uids{6});
}

TEST_CASE("equal messages keep their order") {
  const std::vector<Record> old{record(1, 5), record(2, 5), record(3, 5), record(4, 6)};
  std::vector<Record> found{record(0, 5), record(0, 5), record(0, 6)};
  plan_uids(found, {}, {77, 5, old}, kNow);
  CHECK(uids(found) == Uids{1, 2, 4});
}

TEST_CASE("the last UIDs are not run over") {
  std::vector<Record> found{record(0xfffffffe, 1), record(0, 2)};
  const UidPlan plan = plan_uids(found, {50, 0xfffffffe, 0}, {}, kNow);
  CHECK(uids(found) == Uids{1, 2});
  CHECK(plan.uid_validity != 50);
}

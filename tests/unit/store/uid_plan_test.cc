#include "store/uid_plan.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace dmail::store;

namespace {

constexpr uint32_t kNow = 1700000000;

uint32_t fresh(uint32_t above) { return std::max(kNow, above + 1); }

Record record(uint32_t uid, uint32_t identity) {
  Record r;
  r.uid = uid;
  r.size = identity;
  r.prefix_crc = identity * 7;
  r.internal_date = 1000000 + identity;
  r.set_identity(identity);
  return r;
}

std::vector<uint32_t> uids(const std::vector<Record>& records) {
  std::vector<uint32_t> out;
  for (const Record& r : records) out.push_back(r.uid);
  return out;
}

using Uids = std::vector<uint32_t>;

}  // namespace

TEST_CASE("a file without UIDs and index counts from one, under a UIDVALIDITY of its own") {
  std::vector<Record> found{record(0, 1), record(0, 2), record(0, 3)};
  const UidPlan plan = plan_uids(found, {}, {}, fresh);
  CHECK(uids(found) == Uids{1, 2, 3});
  CHECK(plan.uid_validity == kNow);
  CHECK(plan.next_uid == 4);
  CHECK(plan.first_new == 1);
  CHECK(plan.given == Uids{0, 1, 2});
}

TEST_CASE("UIDs in the file are believed when they ascend") {
  std::vector<Record> found{record(3, 1), record(7, 2), record(0, 3)};
  const UidPlan plan = plan_uids(found, {50, 9, 0}, {}, fresh);
  CHECK(uids(found) == Uids{3, 7, 10});
  CHECK(plan.uid_validity == 50);
  CHECK(plan.first_new == 10);
  std::vector<Record> wrong{record(7, 1), record(3, 2)};
  const UidPlan other = plan_uids(wrong, {50, 9, 0}, {}, fresh);
  CHECK(uids(wrong) == Uids{1, 2});
  CHECK(other.uid_validity == kNow);
  std::vector<Record> later{record(7, 1), record(7, 2)};
  CHECK(plan_uids(later, {4000000000, 9, 0}, {}, fresh).uid_validity == 4000000001);
}

TEST_CASE("messages without UID between known ones are known when they fill the gap") {
  std::vector<Record> found{record(0, 1), record(0, 2), record(3, 3), record(0, 4)};
  const UidPlan plan = plan_uids(found, {50, 3, 0}, {}, fresh);
  CHECK(uids(found) == Uids{1, 2, 3, 4});
  CHECK(plan.uid_validity == 50);
  std::vector<Record> gap{record(0, 1), record(3, 3)};
  CHECK(plan_uids(gap, {50, 3, 0}, {}, fresh).uid_validity != 50);
  CHECK(uids(gap) == Uids{1, 2});
}

TEST_CASE("the old index tells what the file does not") {
  const std::vector<Record> old{record(10, 1), record(11, 2), record(15, 3)};
  std::vector<Record> found{record(0, 1), record(0, 3), record(0, 9)};
  const UidPlan plan = plan_uids(found, {}, {77, 21, old}, fresh);
  CHECK(uids(found) == Uids{10, 15, 21});
  CHECK(plan.uid_validity == 77);
  CHECK(plan.next_uid == 22);
  CHECK(plan.old_of == Uids{1, 3, 0});
  CHECK_FALSE(plan.renumbered);
  // Nothing of what was there: another mailbox, and no UID of before.
  std::vector<Record> strange{record(0, 101), record(0, 102)};
  const UidPlan other = plan_uids(strange, {}, {kNow + 5, 21, old}, fresh);
  CHECK(other.uid_validity == kNow + 6);
  CHECK(other.renumbered);
  CHECK(uids(strange) == Uids{21, 22});
  std::vector<Record> same{record(0, 1)};
  CHECK(plan_uids(same, {78, 5, 0}, {77, 21, old}, fresh).uid_validity == 78);
  CHECK(uids(same) == Uids{6});
  // The file of before, brought back: UIDVALIDITY does not fall.
  std::vector<Record> restored{record(5, 1)};
  const UidPlan back = plan_uids(restored, {76, 5, 0}, {77, 21, old}, fresh);
  CHECK(back.uid_validity == kNow);
  CHECK(uids(restored) == Uids{21});
}

TEST_CASE("a mailbox that was emptied keeps UIDVALIDITY and the next UID") {
  const std::vector<Record> old{record(10, 1), record(11, 2)};
  std::vector<Record> none;
  const UidPlan plan = plan_uids(none, {}, {77, 21, old}, fresh);
  CHECK(plan.uid_validity == 77);
  CHECK(plan.next_uid == 21);
}

TEST_CASE("a text that changed has a new UID, and so has what stands behind it") {
  const std::vector<Record> old{record(1, 1), record(2, 2), record(3, 3)};
  std::vector<Record> found{record(0, 1), record(0, 22), record(0, 3)};
  const UidPlan plan = plan_uids(found, {}, {77, 4, old}, fresh);
  CHECK(uids(found) == Uids{1, 4, 5});
  CHECK(plan.uid_validity == 77);
  CHECK(plan.renumbered);
  // Also where the file says the UID itself.
  std::vector<Record> blocks{record(1, 1), record(2, 22), record(3, 3)};
  CHECK(plan_uids(blocks, {77, 3, 0}, {77, 4, old}, fresh).uid_validity == 77);
  CHECK(uids(blocks) == Uids{1, 4, 5});
}

TEST_CASE("From_ line, text, length and length of the header tell messages apart, each alone") {
  const std::vector<Record> old{record(1, 1), record(2, 2)};
  const auto uid_with = [&](auto change) {
    std::vector<Record> found{record(0, 1), record(0, 2)};
    change(found[0]);
    plan_uids(found, {}, {77, 3, old}, fresh);
    return found[0].uid;
  };
  CHECK(uid_with([](Record& r) { r.set_identity(uint64_t{1} << 40 | 1); }) == 3);
  CHECK(uid_with([](Record& r) { r.set_identity(0); }) == 3);
  CHECK(uid_with([](Record& r) { ++r.prefix_crc; }) == 3);
  CHECK(uid_with([](Record& r) { ++r.size; }) == 3);
  CHECK(uid_with([](Record& r) { ++r.header_size; }) == 3);
  // What changes when a mail program saves does not.
  CHECK(uid_with([](Record& r) { r.flags = 1, r.offset = 99, r.raw_size = 99; }) == 1);
}

TEST_CASE(
    "another text under the same From_ line is a replacement, not a deletion and an arrival") {
  const std::vector<Record> old{record(1, 1), record(2, 2)};
  std::vector<Record> found{record(0, 1), record(0, 2)};
  found[1].set_identity(22);
  const UidPlan plan = plan_uids(found, {}, {77, 3, old}, fresh);
  CHECK(uids(found) == Uids{1, 3});
  CHECK(plan.renumbered);
  std::vector<Record> later{record(0, 1), record(0, 3)};
  CHECK_FALSE(plan_uids(later, {}, {77, 3, old}, fresh).renumbered);
  CHECK(uids(later) == Uids{1, 3});
}

TEST_CASE("a UID of the file that the index knows no more is not given again") {
  const std::vector<Record> old{record(1, 1), record(5, 5)};
  std::vector<Record> found{record(1, 1), record(3, 3), record(5, 5), record(9, 9)};
  plan_uids(found, {77, 5, 0}, {77, 7, old}, fresh);
  // The index does not know 9: it is an old one, and 7 and 8 may have been somebody's.
  CHECK(uids(found) == Uids{1, 10, 11, 12});
}

TEST_CASE("messages in another order have other UIDs where they have to") {
  const std::vector<Record> old{record(1, 1), record(2, 2), record(3, 3)};
  std::vector<Record> found{record(0, 3), record(0, 1), record(0, 2)};
  const UidPlan plan = plan_uids(found, {}, {77, 4, old}, fresh);
  CHECK(uids(found) == Uids{3, 4, 5});
  CHECK(plan.uid_validity == 77);
}

TEST_CASE("equal messages keep their order") {
  const std::vector<Record> old{record(1, 5), record(2, 5), record(3, 5), record(4, 6)};
  std::vector<Record> found{record(0, 5), record(0, 5), record(0, 6)};
  plan_uids(found, {}, {77, 5, old}, fresh);
  CHECK(uids(found) == Uids{1, 2, 4});
  std::vector<Record> told{record(0, 5), record(3, 5), record(0, 6)};  // by UIDs in the file
  plan_uids(told, {}, {77, 5, old}, fresh);
  CHECK(uids(told) == Uids{1, 3, 4});
}

TEST_CASE("the last UIDs are not run over") {
  std::vector<Record> found{record(0xfffffffe, 1), record(0, 2)};
  const UidPlan plan = plan_uids(found, {50, 0xfffffffe, 0}, {}, fresh);
  CHECK(uids(found) == Uids{1, 2});
  CHECK(plan.uid_validity != 50);
  const std::vector<Record> old{record(0xfffffff0, 1)};
  std::vector<Record> many(20);
  for (uint32_t i = 0; i < many.size(); ++i) many[i] = record(0, i + 1);
  const UidPlan anew = plan_uids(many, {}, {50, 0xfffffff1, old}, fresh);
  CHECK(anew.uid_validity == kNow);
  CHECK(many.front().uid == 1);
}

TEST_CASE("where the index was damaged the file is believed for what is missing") {
  const std::vector<Record> old{record(1, 1), record(4, 4)};
  std::vector<Record> found{record(1, 1), record(2, 2), record(0, 3), record(4, 4), record(0, 5)};
  const UidPlan plan = plan_uids(found, {77, 5, 0}, {77, 6, old, false}, fresh);
  CHECK(uids(found) == Uids{1, 2, 3, 4, 6});
  CHECK(plan.uid_validity == 77);
  CHECK(plan.next_uid == 7);
}

TEST_CASE("an index of before a crash knows mail of another agent that has a block now") {
  Record old_first = record(1, 1), now = record(1, 9);
  now.size = old_first.size;
  now.internal_date = old_first.internal_date;
  now.form = kStateRoom;
  const std::vector<Record> live{old_first, record(2, 2)};
  std::vector<Record> found{now, record(2, 2), record(0, 3)};
  found[1].form = kStateRoom;
  const UidPlan plan = plan_uids(found, {50, 2, 0}, {50, 3, live}, fresh);
  CHECK(uids(found) == Uids{1, 2, 3});
  CHECK_FALSE(plan.renumbered);
  // Of another size it is another text.
  found[0] = now;
  found[0].size += 1;
  (void)plan_uids(found, {50, 2, 0}, {50, 3, live}, fresh);
  CHECK(found[0].uid >= 3);
}

TEST_CASE("an index that is older than the file gives no UID that the file has") {
  const std::vector<Record> live{record(1, 1)};
  std::vector<Record> found{record(0, 8), record(0, 9), record(5, 5)};
  const UidPlan plan = plan_uids(found, {0, 0, 0}, {50, 2, live, false}, fresh);
  CHECK(found[0].uid > 5);
  CHECK(plan.next_uid > found[2].uid);
}

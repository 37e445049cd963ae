#include "store/uid_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "store/index_format.h"

namespace dmail::store {
namespace {

constexpr uint32_t kLastUid = 0xfffffffe;
// When so few UIDs are left, all are given anew.
constexpr uint32_t kFewLeft = 0xf0000000;

// What does not change when a mail program saves.
uint64_t likeness(const Record& r) {
  const uint64_t identity = uint64_t{r.identity_high} << 24 | r.identity_low;
  return mix(mix(mix(identity, r.prefix_crc), r.size), r.header_size);
}

// An index of before a crash may know a message of another agent as it stood before we gave it a
// block: its bytes changed then, what readers are given did not.
bool got_block(const Record& old, const Record& now) {
  return !(old.form & kStateRoom) && (now.form & kStateRoom) && old.size == now.size &&
         old.header_size == now.header_size && old.internal_date == now.internal_date;
}

// Pairs messages of one text, both sides in ascending order.
class Matcher {
 public:
  Matcher(std::span<const Record> found, std::span<const Record> old)
      : found_(found), old_(old), old_of_(found.size(), 0) {}

  std::vector<uint32_t> run() {
    // Messages that the file has a UID for which the index knows with this text divide the rest.
    size_t from = 0;
    uint32_t old_from = 0;
    for (size_t i = 0; i < found_.size(); ++i) {
      const uint32_t at = known(found_[i]);
      if (at == 0 || at <= old_from) continue;
      between(from, i, old_from, at - 1);
      old_of_[i] = at;
      from = i + 1;
      old_from = at;
    }
    between(from, found_.size(), old_from, static_cast<uint32_t>(old_.size()));
    return std::move(old_of_);
  }

 private:
  uint32_t known(const Record& r) const {
    if (r.uid == 0) return 0;
    const auto at =
        std::lower_bound(old_.begin(), old_.end(), r.uid,
                         [](const Record& o, uint32_t wanted) { return o.uid < wanted; });
    if (at == old_.end() || at->uid != r.uid) return 0;
    if (likeness(*at) != likeness(r) && !got_block(*at, r)) return 0;
    return static_cast<uint32_t>(at - old_.begin()) + 1;
  }

  // found[from, to) with old[old_from, old_to).
  void between(size_t from, size_t to, uint32_t old_from, uint32_t old_to) {
    while (from < to && old_from < old_to &&  // the usual case: nothing moved
           likeness(found_[from]) == likeness(old_[old_from]))
      old_of_[from++] = ++old_from;
    if (from == to || old_from == old_to) return;
    std::unordered_map<uint64_t, std::vector<uint32_t>> places;
    for (uint32_t i = old_to; i-- > old_from;) places[likeness(old_[i])].push_back(i);
    for (uint32_t at = old_from; from < to; ++from) {
      const auto it = places.find(likeness(found_[from]));
      if (it == places.end()) continue;
      auto& descending = it->second;
      while (!descending.empty() && descending.back() < at) descending.pop_back();
      if (descending.empty()) continue;
      at = descending.back() + 1;
      old_of_[from] = at;
    }
  }

  std::span<const Record> found_, old_;
  std::vector<uint32_t> old_of_;
};

// Messages without UID between two that have one get what fills the gap.
void fill_gaps(std::span<uint32_t> uids) {
  uint32_t before = 0;
  size_t run = 0;
  for (size_t i = 0; i < uids.size(); ++i) {
    if (uids[i] == 0) {
      ++run;
      continue;
    }
    if (run > 0 && uids[i] > before && uids[i] - before - 1 == run)
      for (size_t k = i - run; k < i; ++k) uids[k] = ++before;
    before = uids[i];
    run = 0;
  }
}

// With the index of before.  False: UIDs would run out.
bool follow_index(std::span<Record> found, UidPlan& plan, const OldIndex& old) {
  std::vector<uint32_t> known(found.size(), 0);
  for (size_t i = 0; i < found.size(); ++i) {
    const uint32_t in_file = found[i].uid <= kLastUid ? found[i].uid : 0;
    if (plan.old_of[i] != 0)
      known[i] = old.live[plan.old_of[i] - 1].uid;
    else if (!old.whole || in_file >= old.next_uid)
      known[i] = in_file;
  }
  if (!old.whole) fill_gaps(known);
  uint32_t last = 0;
  uint32_t& next = plan.next_uid;
  for (size_t i = 0; i < found.size(); ++i) {
    uint32_t uid = known[i];
    if (uid <= last) {
      plan.renumbered = plan.renumbered || plan.old_of[i] != 0;
      uid = next;
    }
    if (uid >= kLastUid) return false;
    found[i].uid = last = uid;
    next = std::max(next, uid + 1);
  }
  return true;
}

// From the file alone.  False: they can't be known.
bool believe_file(std::span<Record> found, UidPlan& plan) {
  std::vector<uint32_t> known;
  for (const Record& r : found) known.push_back(r.uid);
  fill_gaps(known);
  size_t run = 0;  // at the end, without UID
  while (run < known.size() && known[known.size() - run - 1] == 0) ++run;
  uint32_t before = 0;
  for (size_t i = 0; i + run < known.size(); ++i) {
    if (known[i] <= before || known[i] > kLastUid) return false;
    before = known[i];
  }
  uint32_t next = std::max(plan.next_uid, before + 1);
  if (next > kLastUid - run) return false;
  for (size_t i = 0; i < found.size(); ++i) found[i].uid = known[i] != 0 ? known[i] : next++;
  plan.next_uid = next;
  return true;
}

// A message that is no more where another one is new, under the same From_ line: its text changed,
// and whoever means the one must not think that it is gone.
bool replaced(std::span<const Record> found, const UidPlan& plan, const OldIndex& old) {
  std::vector<bool> kept(old.live.size(), false);
  for (uint32_t o : plan.old_of)
    if (o != 0) kept[o - 1] = true;
  std::unordered_set<uint32_t> lines;
  for (size_t i = 0; i < kept.size(); ++i)
    if (!kept[i]) lines.insert(old.live[i].prefix_crc);
  if (lines.empty()) return false;
  for (size_t i = 0; i < found.size(); ++i)
    if (plan.old_of[i] == 0 && lines.contains(found[i].prefix_crc)) return true;
  return false;
}

void number_anew(std::span<Record> found, UidPlan& plan, uint32_t from) {
  if (from > kFewLeft || kLastUid - from <= found.size()) from = 1;
  plan.old_of.assign(found.size(), 0);
  plan.first_new = from;
  for (Record& r : found) r.uid = from++;
  plan.next_uid = from;
  plan.renumbered = true;
}

}  // namespace

UidPlan plan_uids(std::span<Record> found, const FileHeader& file, const OldIndex& old,
                  const FreshValidity& fresh) {
  UidPlan plan;
  plan.old_of.assign(found.size(), 0);
  std::vector<uint32_t> in_file(found.size());
  for (size_t i = 0; i < found.size(); ++i) in_file[i] = found[i].uid;

  const bool known = old.uid_validity != 0;
  const bool usable = known && (file.uid_validity == 0 || file.uid_validity == old.uid_validity);
  const uint32_t above = std::max(file.uid_validity, old.uid_validity);
  plan.next_uid = file.last_uid >= kLastUid ? kLastUid : file.last_uid + 1;
  bool done = false;
  if (usable) {
    plan.next_uid = std::max(plan.next_uid, old.next_uid);
    // The index can be older than the file: what has no UID gets none of another message.
    for (uint32_t uid : in_file)
      if (uid < kLastUid) plan.next_uid = std::max(plan.next_uid, uid + 1);
    plan.old_of = Matcher(found, old.live).run();
    // Nothing of what was there, and nothing that says that it is the same mailbox.
    const bool strange =
        file.uid_validity == 0 && old.whole && !old.live.empty() && !found.empty() &&
        std::all_of(plan.old_of.begin(), plan.old_of.end(), [](uint32_t o) { return o == 0; });
    plan.uid_validity = old.uid_validity;
    plan.first_new = plan.next_uid;
    const uint32_t next = plan.next_uid;
    done = !strange && follow_index(found, plan, old);
    if (!done) number_anew(found, plan, next);
    plan.renumbered = plan.renumbered || replaced(found, plan, old);
  } else if (!known || file.uid_validity > old.uid_validity) {
    plan.uid_validity = file.uid_validity;
    // Without an index of before, what has no UID in the file gets one now: it is new to everybody.
    uint32_t first = plan.next_uid;
    for (uint32_t uid : in_file) first = std::max(first, uid > kLastUid ? uid : uid + 1);
    plan.first_new = first;
    done = believe_file(found, plan);
    if (!done) number_anew(found, plan, 1);
    done = done && plan.uid_validity != 0;
  } else {
    number_anew(found, plan, std::max(plan.next_uid, old.next_uid));
  }
  if (!done) plan.uid_validity = fresh(above);
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i].uid != in_file[i]) plan.given.push_back(static_cast<uint32_t>(i));
  return plan;
}

}  // namespace dmail::store

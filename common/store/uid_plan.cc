#include "store/uid_plan.h"

#include <algorithm>
#include <unordered_map>

#include "store/index_format.h"

namespace dmail::store {
namespace {

constexpr uint32_t kLastUid = 0xfffffffe;

uint64_t likeness(const Record& r) {
  return mix(mix(mix(r.prefix_crc, r.size), r.header_size), static_cast<uint64_t>(r.internal_date));
}

// Pairs equal messages, both sides in ascending order.
std::vector<uint32_t> match(std::span<const Record> found, std::span<const Record> old) {
  std::vector<uint32_t> old_of(found.size(), 0);
  size_t same = 0;  // the usual case: nothing moved
  while (same < found.size() && same < old.size() && likeness(found[same]) == likeness(old[same])) {
    old_of[same] = static_cast<uint32_t>(same + 1);
    ++same;
  }
  if (same == found.size() || same == old.size()) return old_of;
  std::unordered_map<uint64_t, std::vector<uint32_t>> places;
  for (size_t i = old.size(); i-- > same;)
    places[likeness(old[i])].push_back(static_cast<uint32_t>(i));
  uint32_t at = static_cast<uint32_t>(same);
  for (size_t j = same; j < found.size(); ++j) {
    auto it = places.find(likeness(found[j]));
    if (it == places.end()) continue;
    auto& descending = it->second;
    while (!descending.empty() && descending.back() < at) descending.pop_back();
    if (descending.empty()) continue;
    at = descending.back() + 1;
    old_of[j] = at;
  }
  return old_of;
}

// UIDs that follow from the file, the old index, or the lack of any other choice.  False: they
// can't be known.
bool keep_uids(std::span<Record> found, const UidPlan& plan, const OldIndex& old, uint32_t next) {
  uint32_t before = 0;  // last known UID
  size_t run = 0;       // unknown ones after it
  for (size_t i = 0; i < found.size(); ++i) {
    Record& r = found[i];
    if (r.uid == 0 && plan.old_of[i] != 0) r.uid = old.live[plan.old_of[i] - 1].uid;
    if (r.uid == 0) {
      ++run;
      continue;
    }
    if (r.uid <= before || r.uid > kLastUid) return false;
    if (run > 0) {
      // Messages without UID between two that have one: known only when they fill the gap.
      if (r.uid - before - 1 != run) return false;
      for (size_t k = 0; k < run; ++k)
        found[i - run + k].uid = before + 1 + static_cast<uint32_t>(k);
      run = 0;
    }
    before = r.uid;
  }
  next = std::max(next, before + 1);
  if (next > kLastUid - run) return false;
  for (size_t i = found.size() - run; i < found.size(); ++i) found[i].uid = next++;
  return true;
}

uint32_t first_validity(std::span<const Record> found, int64_t now) {
  const auto latest = static_cast<uint32_t>(std::clamp<int64_t>(now, 1, kLastUid));
  if (found.empty()) return latest;
  const int64_t date = found.front().internal_date;
  return date > 0 && date <= now + 86400 && date <= kLastUid ? static_cast<uint32_t>(date) : latest;
}

}  // namespace

UidPlan plan_uids(std::span<Record> found, const FileHeader& file, const OldIndex& old,
                  int64_t now) {
  UidPlan plan;
  plan.old_of.assign(found.size(), 0);
  std::vector<uint32_t> in_file(found.size());
  for (size_t i = 0; i < found.size(); ++i) in_file[i] = found[i].uid;

  const bool usable =
      old.uid_validity != 0 && (file.uid_validity == 0 || file.uid_validity == old.uid_validity);
  if (usable) plan.old_of = match(found, old.live);
  const bool akin = usable && (old.live.empty() || found.empty() ||
                               std::any_of(plan.old_of.begin(), plan.old_of.end(),
                                           [](uint32_t o) { return o != 0; }));
  if (!akin) plan.old_of.assign(found.size(), 0);
  plan.uid_validity = file.uid_validity != 0 ? file.uid_validity
                      : akin                 ? old.uid_validity
                                             : first_validity(found, now);

  uint32_t next = file.last_uid >= kLastUid ? kLastUid : file.last_uid + 1;
  if (akin) next = std::max(next, old.next_uid);
  // Without an index of before, what has no UID in the file gets one now: it is new to everybody.
  uint32_t known = next;
  for (uint32_t uid : in_file) known = std::max(known, uid == kLastUid + 1 ? uid : uid + 1);
  if (!keep_uids(found, plan, old, next)) {
    const uint32_t before = std::max(file.uid_validity, old.uid_validity);
    plan.uid_validity = std::max(static_cast<uint32_t>(std::clamp<int64_t>(now, 1, kLastUid)),
                                 before >= kLastUid ? 1 : before + 1);
    plan.old_of.assign(found.size(), 0);
    for (size_t i = 0; i < found.size(); ++i) found[i].uid = static_cast<uint32_t>(i + 1);
    known = 1;
    next = 1;
  }
  plan.next_uid = std::max(next, found.empty() ? 1 : found.back().uid + 1);
  plan.first_new = known;
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i].uid != in_file[i]) plan.given.push_back(static_cast<uint32_t>(i));
  return plan;
}

}  // namespace dmail::store

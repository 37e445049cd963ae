// Which UIDs the messages of a freshly scanned mail file have.  Pure.  A UID never comes to name
// another text under one UIDVALIDITY, UIDs ascend in the order of the file, and neither UIDVALIDITY
// nor the next UID falls, whatever another program made of the file.
//
// With a whole index of before a message keeps its UID when its text is the one the index knows
// under it; from the first message on that is not known, or not where it was, UIDs are new. Without
// one the UIDs in the file are believed, and what has none means another UIDVALIDITY, unless the
// file keeps one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "store/mail_file.h"
#include "store/record.h"

namespace dmail::store {

struct OldIndex {
  uint32_t uid_validity = 0;  // 0: there is no usable old index
  uint32_t next_uid = 1;
  std::span<const Record> live;
  bool whole = true;  // false: records were damaged, and what they said is not known
};

struct UidPlan {
  uint32_t uid_validity = 0;
  uint32_t next_uid = 1;
  uint32_t first_new = 1;        // UIDs from here on were given now
  bool renumbered = false;       // messages that had a UID have another one
  std::vector<uint32_t> given;   // indexes into `found` whose UID differs from the file's
  std::vector<uint32_t> old_of;  // for each of `found`: index into old.live + 1, or 0
};

// A UIDVALIDITY above the one given and any other ever given to this user.
using FreshValidity = std::function<uint32_t(uint32_t above)>;

// Sets Record::uid in `found` (file order).
UidPlan plan_uids(std::span<Record> found, const FileHeader& file, const OldIndex& old,
                  const FreshValidity& fresh);

}  // namespace dmail::store

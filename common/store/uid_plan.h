// Which UIDs the messages of a freshly scanned mail file have.  Pure; the rules that keep UIDs the
// same whenever that can be known, and change UIDVALIDITY whenever it can't.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/mail_file.h"
#include "store/record.h"

namespace dmail::store {

struct OldIndex {
  uint32_t uid_validity = 0;  // 0: there is no usable old index
  uint32_t next_uid = 1;
  std::span<const Record> live;
};

struct UidPlan {
  uint32_t uid_validity = 0;
  uint32_t next_uid = 1;
  uint32_t first_new = 1;        // UIDs from here on were given now
  std::vector<uint32_t> given;   // indexes into `found` whose UID differs from the file's
  std::vector<uint32_t> old_of;  // for each of `found`: index into old.live + 1, or 0
};

// Sets Record::uid in `found` (file order).  `now`: seconds since 1970.
UidPlan plan_uids(std::span<Record> found, const FileHeader& file, const OldIndex& old,
                  int64_t now);

}  // namespace dmail::store

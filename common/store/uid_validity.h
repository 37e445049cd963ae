// The last UIDVALIDITY given to any mailbox of a user, in NAME.mbx/.uidvalidity: outside of .index,
// so that a mailbox numbered anew has a greater one also after .index was removed.  The clock does
// the same where the file is gone, too.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace dmail::store {

// Greater than `above`, any given before, and not below the clock; on disk.  `folders` is the
// directory NAME.mbx.  Needs no lock of the caller's.
Result<uint32_t> fresh_uid_validity(int folders, uint32_t above, int lock_seconds);

}  // namespace dmail::store

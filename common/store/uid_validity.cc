#include "store/uid_validity.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

#include "base/number.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/file_lock.h"

namespace dmail::store {
namespace {

constexpr const char* kName = ".uidvalidity";
constexpr uint32_t kMost = 0xfffffff0;

}  // namespace

Result<uint32_t> fresh_uid_validity(int folders, uint32_t above, int lock_seconds) {
  auto fd = open_file_at(folders, kName, O_RDWR | O_CREAT);
  if (!fd) return std::move(fd.error());
  auto lock = FileLock::take(fd->get(), LockMode::Exclusive, Deadline::in_seconds(lock_seconds));
  if (!lock) return std::move(lock.error());
  char text[16];
  auto n = read_at(fd->get(), text, 0);
  if (!n) return std::move(n.error());
  const uint32_t last = parse_u32(trim({text, *n})).value_or(0);
  const auto now = static_cast<uint32_t>(std::clamp<int64_t>(wall_seconds(), 1, kMost));
  const uint32_t before = std::max(above, last);
  const uint32_t next = before >= kMost ? now : std::max(now, before + 1);
  std::string line;
  append_padded(line, next, 10);  // one size, so that a write over another leaves nothing of it
  line += '\n';
  DMAIL_TRY(write_at(fd->get(), line, 0));
  DMAIL_TRY(sync_file(fd->get()));
  return next;
}

}  // namespace dmail::store

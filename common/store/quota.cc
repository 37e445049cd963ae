#include "store/quota.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "io/file.h"
#include "store/index.h"
#include "store/index_format.h"

namespace dmail::store {
namespace {

constexpr uint64_t kMagic = 0x61746f75716d64;  // "dmquota"
const char* const kName = "quota";

struct Sum {
  uint64_t magic = kMagic;
  uint64_t used = 0;
  uint64_t dirty = 0;
  std::array<uint8_t, 16> boot{};
  uint64_t check = 0;
};

uint64_t check_of(const Sum& s) {
  uint64_t boot[2];
  std::memcpy(boot, s.boot.data(), sizeof boot);
  return mix(mix(mix(mix(kMagic, s.used), s.dirty), boot[0]), boot[1]);
}

Status write_sum(int fd, uint64_t used, bool dirty) {
  Sum s;
  s.used = used;
  s.dirty = dirty ? 1 : 0;
  s.boot = boot_id();
  s.check = check_of(s);
  return write_at(fd, {reinterpret_cast<const char*>(&s), sizeof s}, 0);
}

}  // namespace

Result<QuotaLedger::Hold> QuotaLedger::hold() const {
  for (;;) {
    auto fd = open_file_at(directory_, kName, O_RDWR | O_CREAT);
    if (!fd) return std::move(fd.error());
    auto lock = FileLock::take(fd->get(), LockMode::Exclusive, Deadline::in_seconds(lock_seconds_));
    if (!lock) return std::move(lock.error());
    auto st = stat_fd(fd->get());
    if (!st) return std::move(st.error());
    if (st->st_nlink == 0) continue;  // forgotten while we waited
    Hold hold;
    hold.fd_ = std::move(*fd);
    hold.lock_ = std::move(*lock);
    hold.limit_ = limit_;
    Sum s;
    auto n = read_at(hold.fd_.get(), {reinterpret_cast<char*>(&s), sizeof s}, 0);
    if (!n) return std::move(n.error());
    if (*n == sizeof s && s.magic == kMagic && s.dirty == 0 && s.boot == boot_id() &&
        s.check == check_of(s))
      hold.used_ = s.used;
    return hold;
  }
}

void QuotaLedger::forget() const { (void)::unlinkat(directory_, kName, 0); }

Status QuotaLedger::Hold::check(uint64_t more) const {
  if (limit_ == 0 || !used_) return {};
  if (*used_ > limit_ || more > limit_ - *used_)
    return Error{ErrorKind::OverQuota, "It would exceed the quota", ""};
  return {};
}

Status QuotaLedger::Hold::begin() {
  if (!used_) return {};
  begun_ = true;
  return write_sum(fd_.get(), *used_, true);
}

void QuotaLedger::Hold::finish(int64_t delta) {
  if (!used_ || !begun_) return;
  begun_ = false;
  const auto less = static_cast<uint64_t>(delta < 0 ? -delta : 0);
  const uint64_t used =
      delta >= 0 ? *used_ + static_cast<uint64_t>(delta) : *used_ - std::min(less, *used_);
  set(used);
}

void QuotaLedger::Hold::set(uint64_t used) {
  used_ = used;
  // A failure leaves the file marked as in doubt, which is what is then true.
  (void)write_sum(fd_.get(), used, false).ok();
}

}  // namespace dmail::store

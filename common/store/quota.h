// The user's quota: one number of octets over all mailboxes, kept in `.index/quota` so that a check
// is one small read.  The file is a sum that can be made again from the mailboxes' indexes at any
// time; it says itself when a crash left it in doubt.  Its lock is the last one taken (after
// mailbox locks) and spans check and write, so that writers side by side never overshoot.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/file_lock.h"
#include "io/owned_fd.h"

namespace dmail::store {

class QuotaLedger {
 public:
  QuotaLedger(int index_directory, uint64_t limit, int lock_seconds)
      : directory_(index_directory), limit_(limit), lock_seconds_(lock_seconds) {}
  [[nodiscard]] uint64_t limit() const { return limit_; }

  // The right to change the sum.
  class Hold {
   public:
    // nullopt: in doubt, must be summed.
    [[nodiscard]] std::optional<uint64_t> used() const { return used_; }
    // OverQuota when `more` octets do not fit below the limit.
    [[nodiscard]] Status check(uint64_t more) const;
    // The change begins (a crash from here on leaves the sum in doubt), and is done.
    Status begin();
    void finish(int64_t delta);
    void set(uint64_t used);

   private:
    friend class QuotaLedger;
    OwnedFd fd_;
    FileLock lock_;
    uint64_t limit_ = 0;
    std::optional<uint64_t> used_;
    bool begun_ = false;
  };
  Result<Hold> hold() const;
  // The sum changed while no limit is kept, or by ways not counted: sum again when next asked.
  void forget() const;

 private:
  int directory_;
  uint64_t limit_;
  int lock_seconds_;
};

}  // namespace dmail::store

// The pool with a memory: positive answers to check and lookup are given again for a while.
// Passwords are kept only as keyed hashes (modules/verified.h).  No -ERR and no -DEAD is kept, and
// nothing that was asked before a change of the user came to its end, or before a change of a file
// that is watched.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/authpool/pool.h"
#include "tools/modules/server.h"
#include "tools/modules/verified.h"

namespace dmail::authpool {

class Remembering : public modules::Responder {
 public:
  Remembering(Pool& pool, size_t capacity, int64_t life_seconds, int64_t timeout_seconds,
              std::vector<std::string> watched = {});

  std::optional<std::string> quick_answer(std::string_view line) override;
  std::string answer(std::string_view line, int64_t asked_ms) override;
  void ending() override { pool_->stop(); }

 private:
  // Changes of users are counted, in few counters for all of them: a mark holds the count, so one
  // made before a change is never found again, neither is what was asked before and comes later.
  std::atomic<uint32_t>& changes_of(std::string_view user);
  std::string mark_of(const Question& question);
  void forget(const Question& question);
  // Differs after every change of a watched file: nwauth's `changes` has other bytes each time,
  // the shadow file another inode and time.
  [[nodiscard]] std::string state_of_watched() const;

  Pool* pool_;
  int64_t timeout_ms_;
  modules::Verified kept_;
  std::vector<std::string> watched_;
  std::array<std::atomic<uint32_t>, 1024> changes_{};
};

}  // namespace dmail::authpool

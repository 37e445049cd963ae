// Copies of one module, each with one question at a time.  A copy that dies, hangs or talks
// nonsense is killed; its successor is started with the next question, later and later while they
// keep failing. Safe for several threads: as many as there are copies never wait for one another.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/helper.h"
#include "tools/authpool/question.h"

namespace dmail::authpool {

// In place of a program: the socket of a resident module of root's or our own user's.
inline constexpr std::string_view kSocketMark = "unix:";
inline constexpr int64_t kFirstRestMs = 100;  // before a failed copy is started again; doubles
inline constexpr int64_t kLongestRestMs = 10'000;

struct Spoken {
  Judgement judgement = Judgement::Dead;  // never More, never Broken
  std::string lines;                      // with LF each
};

class Pool {
 public:
  using Log = std::function<void(std::string_view)>;
  Pool(auth::HelperCommand command, size_t copies, Log log);

  // All copies, so that the first logins need not wait.  An Error when the program cannot be run.
  Status start();
  // A line without LF.  Whatever goes wrong is Dead.
  Spoken ask(const Question& question, std::string_view line, Deadline deadline);
  // Who waits for an answer gets Dead soon, and so do later questions.
  void stop();

 private:
  struct Copy {
    std::unique_ptr<auth::Helper> helper;
    bool busy = false;
    int failures = 0;     // in a row
    int64_t rest_ms = 0;  // not started again before
    int64_t answered_ms = 0;
    Judgement last = Judgement::Dead;  // its last answer
    std::string yes_of;                // whom it was about, if it was a Yes
  };
  Copy* take();
  void give_back(Copy& copy, bool good, std::string_view why);
  Result<std::string> next_line(auth::Helper& helper, Deadline deadline) const;
  Result<Spoken> converse_warily(Copy& copy, const Question& question, std::string_view line,
                                 Deadline deadline) const;
  Result<Spoken> converse(auth::Helper& helper, const Question& question, std::string_view line,
                          Deadline deadline) const;

  auth::HelperCommand command_;
  Log log_;
  std::mutex mutex_;
  std::vector<Copy> copies_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace dmail::authpool

#include "tools/authpool/remembering.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <utility>

#include "base/text.h"
#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::authpool {

using Kind = Question::Kind;

namespace {
constexpr off_t kSmallFile = 64;
}

Remembering::Remembering(Pool& pool, size_t capacity, int64_t life_seconds, int64_t timeout_seconds,
                         std::vector<std::string> watched)
    : pool_(&pool),
      timeout_ms_(timeout_seconds * 1000),
      kept_(capacity, life_seconds),
      watched_(std::move(watched)) {}

std::string Remembering::state_of_watched() const {
  std::string state;
  for (const std::string& path : watched_) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) {
      state += "none ";
      continue;
    }
    state += concat(st.st_dev, ' ', st.st_ino, ' ', st.st_size, ' ', st.st_mtim.tv_sec, ' ',
                    st.st_mtim.tv_nsec, ' ', st.st_ctim.tv_sec, ' ', st.st_ctim.tv_nsec, ' ');
    // Two changes within a tick of the file system's clock: only the bytes tell.
    char bytes[kSmallFile];
    if (!S_ISREG(st.st_mode) || st.st_size > kSmallFile) continue;
    const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const ssize_t n = fd.valid() ? ::pread(fd.get(), bytes, sizeof bytes, 0) : 0;
    if (n > 0) state.append(bytes, static_cast<size_t>(n));
  }
  return state;
}

std::atomic<uint32_t>& Remembering::changes_of(std::string_view user) {
  return changes_[std::hash<std::string>()(owner_of(user)) % changes_.size()];
}

std::string Remembering::mark_of(const Question& question) {
  return kept_.mark(question.user, question.password,
                    concat(question.kind == Kind::Check ? "check " : "lookup ",
                           changes_of(question.user).load(), ' ', state_of_watched()));
}

void Remembering::forget(const Question& question) {
  if (question.kind == Kind::Change) ++changes_of(question.user);
  if (question.kind != Kind::Other) return;
  for (auto& count : changes_) ++count;
}

std::optional<std::string> Remembering::quick_answer(std::string_view line) {
  const Question question = parse_question(line);
  if (question.kind == Kind::Quit) return std::nullopt;  // after what is asked before it
  if (question.kind == Kind::Bad) return "-ERR question cannot be asked\n";
  if (question.kind != Kind::Check && question.kind != Kind::Lookup) return std::nullopt;
  return kept_.recall(mark_of(question), monotonic_ms());
}

std::string Remembering::answer(std::string_view line, int64_t asked_ms) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const Question question = parse_question(line);
  if (question.kind == Kind::Quit) return {};
  if (question.kind == Kind::Bad) return "-ERR question cannot be asked\n";
  const bool keep = question.kind == Kind::Check || question.kind == Kind::Lookup;
  const std::string mark = keep ? mark_of(question) : std::string();
  forget(question);
  Spoken spoken =
      pool_->ask(question, line, Deadline::in_ms(asked_ms + timeout_ms_ - monotonic_ms()));
  forget(question);
  if (keep && spoken.judgement == Judgement::Yes && may_be_kept(spoken.lines))
    kept_.keep(mark, spoken.lines, monotonic_ms(), kept_.life_ms());
  return std::move(spoken.lines);
}

}  // namespace dmail::authpool

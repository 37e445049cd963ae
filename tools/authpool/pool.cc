#include "tools/authpool/pool.h"

#include <unistd.h>

#include <algorithm>

#include "auth/authenticator.h"
#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::authpool {
namespace {

constexpr int kStopCheckMs = 200;
constexpr int kConnectMs = 2000;
// A second answer to the question before must be seen as what it is, however late it comes.  A
// password or token waits until the copy has been quiet for so long; ...
constexpr int64_t kQuietMs = 5;
// ... and while it has not been quiet for so long, what such an answer could pass for is not taken
// at its word (converse_warily).
constexpr int64_t kSettledMs = 1000;
// Asked between two questions: a Yes that speaks of somebody else is no answer to it.
constexpr std::string_view kNobody = "lookup nobody-of-this-name";

Spoken dead(std::string_view why) {
  return {Judgement::Dead, concat("-DEAD ", escaped(why, 400), '\n')};
}

// A child, or a connection where the command is `unix:SOCKET`.
Result<std::unique_ptr<auth::Helper>> begin(const auth::HelperCommand& command) {
  const std::string_view first = command.words.empty() ? "" : std::string_view(command.words[0]);
  if (!first.starts_with(kSocketMark)) return auth::Helper::start(command);
  return auth::Helper::connect(std::string(first.substr(kSocketMark.size())), 0,
                               Deadline::in_ms(kConnectMs));
}

Error fault(std::string why) { return Error{ErrorKind::TryLater, {}, std::move(why)}; }

}  // namespace

Pool::Pool(auth::HelperCommand command, size_t copies, Log log)
    : command_(std::move(command)), log_(std::move(log)), copies_(copies) {}

Status Pool::start() {
  for (Copy& copy : copies_) {
    auto helper = begin(command_);
    if (!helper) return std::move(helper.error());
    copy.helper = std::move(*helper);
  }
  return {};
}

// A copy for us alone: one that runs, or else one that may be started now.
Pool::Copy* Pool::take() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return nullptr;
  Copy* best = nullptr;
  for (Copy& copy : copies_) {
    if (copy.busy || (!copy.helper && copy.rest_ms > monotonic_ms())) continue;
    if (best == nullptr || (copy.helper && !best->helper)) best = &copy;
  }
  if (best != nullptr) best->busy = true;
  return best;
}

void Pool::give_back(Copy& copy, bool good, std::string_view why) {
  std::unique_ptr<auth::Helper> gone;
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    copy.busy = false;
    copy.answered_ms = monotonic_ms();
    copy.failures = good ? 0 : copy.failures + 1;
    failures = copy.failures;
    if (!good) {
      const int64_t rest = kFirstRestMs << std::min(failures - 1, 10);
      copy.rest_ms = monotonic_ms() + std::min(rest, kLongestRestMs);
      gone = std::move(copy.helper);
    }
  }
  if (good) return;
  log_(concat("a copy of the module is restarted (", failures, " in a row): ", why));
  if (gone) gone->kill_soon();
}

Spoken Pool::ask(const Question& question, std::string_view line, Deadline deadline) {
  if (deadline.passed()) return dead("too many questions are waiting");
  Copy* copy = take();
  if (copy == nullptr) return dead("the module is being restarted");
  const int64_t quiet_ms = monotonic_ms() - copy->answered_ms;
  const bool is_secret =
      question.kind == Question::Kind::Check || question.kind == Question::Kind::Of;
  if (copy->helper && is_secret && quiet_ms < kQuietMs)
    ::usleep(static_cast<useconds_t>((kQuietMs - quiet_ms) * 1000));
  // What it says unasked belongs to no question; where it has ended by itself, nobody was hurt.
  std::unique_ptr<auth::Helper> gone;
  if (copy->helper && (copy->helper->has_unread() || copy->helper->has_ended())) {
    if (copy->helper->has_unread()) {
      give_back(*copy, false, "it spoke without being asked");
      return dead("the module is being restarted");
    }
    const std::lock_guard lock(mutex_);
    gone = std::move(copy->helper);
  }
  gone.reset();
  if (!copy->helper) {
    auto started = begin(command_);
    if (!started) {
      const std::string why = started.error().log;
      give_back(*copy, false, why);
      return dead(concat("the module cannot be started: ", why));
    }
    const std::lock_guard lock(mutex_);
    copy->helper = std::move(*started);
    copy->answered_ms = 0;  // it has answered nothing yet
  }
  const bool settled = monotonic_ms() - copy->answered_ms >= kSettledMs;
  Result<Spoken> spoken = settled ? converse(*copy->helper, question, line, deadline)
                                  : converse_warily(*copy, question, line, deadline);
  copy->last = spoken ? spoken->judgement : Judgement::Dead;
  copy->yes_of = copy->last == Judgement::Yes ? lower(question.user) : "";
  give_back(*copy, static_cast<bool>(spoken), spoken ? "" : spoken.error().log);
  if (!spoken) return dead(spoken.error().log);
  return std::move(*spoken);
}

// For a copy that may still have something to say.
Result<Spoken> Pool::converse_warily(Copy& copy, const Question& question, std::string_view line,
                                     Deadline deadline) const {
  const bool secret = question.kind == Question::Kind::Check || question.kind == Question::Kind::Of;
  if (secret && iequals(copy.yes_of, question.user)) {
    Result<Spoken> between = converse(*copy.helper, parse_question(kNobody), kNobody, deadline);
    if (!between || between->judgement == Judgement::Dead) return between;
  }
  Result<Spoken> spoken = converse(*copy.helper, question, line, deadline);
  // A No refuses mail for good, and may be that to the question before.
  if (question.kind == Question::Kind::Lookup && copy.last == Judgement::No && spoken &&
      spoken->judgement == Judgement::No)
    return converse(*copy.helper, question, line, deadline);
  return spoken;
}

// In short waits, to see in time that we are stopped.
Result<std::string> Pool::next_line(auth::Helper& helper, Deadline deadline) const {
  for (;;) {
    const int wait = std::min(deadline.left_ms(), kStopCheckMs);
    Result<std::string> said = helper.read_line(Deadline::in_ms(wait));
    if (said || said.error().kind != ErrorKind::TryLater || stopped_ || deadline.passed())
      return said;
  }
}

Result<Spoken> Pool::converse(auth::Helper& helper, const Question& question, std::string_view line,
                              Deadline deadline) const {
  std::string asked = concat(line, '\n');
  const Status sent = helper.send(asked, deadline);
  wipe(asked);
  if (!sent) return fault(sent.error().log);
  Spoken spoken;
  for (;;) {
    Result<std::string> said = next_line(helper, deadline);
    if (!said) return fault(said.error().log);
    if (spoken.lines.size() + said->size() + 1 > auth::kMaxReplyTotal)
      return fault("module's reply is too long");
    spoken.judgement = judge(question, *said);
    if (spoken.judgement == Judgement::Broken) return fault("module's reply is not understood");
    spoken.lines += concat(*said, '\n');
    if (spoken.judgement == Judgement::More) continue;
    if (helper.has_unread()) return fault("module said more after its answer");
    return spoken;
  }
}

void Pool::stop() { stopped_ = true; }

}  // namespace dmail::authpool

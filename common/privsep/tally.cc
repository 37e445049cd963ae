#include "privsep/tally.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "account/address_list.h"
#include "account/name_list.h"
#include "auth/spawn.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/stream.h"
#include "privsep/address_key.h"
#include "privsep/program.h"

namespace dmail::privsep {
namespace {

// One line from `fd`, without its LF.
Result<std::string> line_from(int fd, Deadline deadline) {
  std::string line;
  for (;;) {
    if (!wait_readable(fd, deadline))
      return Error{ErrorKind::TryLater, "", "dmtally took too long"};
    char window[256];
    const ssize_t n = ::read(fd, window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read from dmtally", errno);
    line.append(window, static_cast<size_t>(n));
    if (const size_t end = line.find('\n'); end != line.npos) return line.substr(0, end);
    if (n == 0) return Error{ErrorKind::TryLater, "", "dmtally ended without an answer"};
    if (line.size() > kMaxTallyAnswer) return Error{ErrorKind::Limit, "", "dmtally says too much"};
  }
}

}  // namespace

bool relays_after_login(const conf::Settings& settings, std::string_view user) {
  if (settings.forward_user.size() == 1) {
    if (iequals(settings.forward_user.front(), "true")) return true;
    if (iequals(settings.forward_user.front(), "false")) return false;
  }
  const std::array<std::string_view, 2> forms{user, user.substr(0, user.find('@'))};
  return account::list_names(settings.forward_user, forms, true);
}

bool Tally::counts(std::string_view ip) const {
  return settings_.login_delay > 0 && !ip.empty() &&
         !account::addresses_name(settings_.login_delay_exempt, ip);
}

// nullopt: there are no marks, everything has to be asked for.
std::optional<Mark> Tally::mark(MarkKind kind, std::string_view key) {
  if (!std::exchange(tried_marks_, true)) {
    auto file = open_file(marks_path(settings_.work_path), O_RDONLY | O_NOCTTY);
    if (file) marks_ = std::move(*file);
  }
  if (!marks_.valid()) return std::nullopt;
  std::array<char, sizeof(Mark)> bytes{};
  auto got = read_at(marks_.get(), bytes, mark_offset(kind, key));
  if (!got || *got != bytes.size()) return std::nullopt;
  Mark found;
  std::memcpy(&found, bytes.data(), sizeof found);
  return found;
}

int64_t Tally::wait_ms(std::string_view ip) {
  const std::string key = network_key(ip);
  if (!counts(ip) || key.empty()) return 0;
  const auto known = mark(MarkKind::Failures, key);
  if (known && known->until < wall_seconds()) return 0;
  return delay("wait", ip).value_or(0);
}

bool Tally::has_failures(std::string_view ip) {
  if (!marks_.valid()) tried_marks_ = false;  // the first failure of all may have made them
  const std::string key = network_key(ip);
  const auto known = key.empty() ? std::nullopt : mark(MarkKind::Failures, key);
  return known && known->until >= wall_seconds();
}

int64_t Tally::failed(std::string_view ip, std::string_view) {
  if (!counts(ip)) return settings_.login_delay;
  return delay("failed", ip).value_or(settings_.login_delay);
}

void Tally::logged_in(std::string_view ip, std::string_view user) {
  const int64_t window = settings_.forward_window;
  const std::string key = address_key(ip);
  if (window <= 0 || key.empty() || !relays_after_login(settings_, user)) return;
  // A record that is nearly new is good enough.  One that would hold for longer than a new one is
  // not: the clock was set back, or forward_window made shorter, and it is worth less than it says.
  const auto known = mark(MarkKind::Relay, key);
  const int64_t fresh = wall_seconds() + window;
  if (known && known->tag == mark_tag(key, user) && known->until <= fresh &&
      known->until > fresh - std::max<int64_t>(window / 8, 1))
    return;
  (void)ask(concat("login ", account::plain_ip(ip), ' ', window, ' ', user));
}

std::optional<std::string> Tally::relay_user(std::string_view ip) {
  const int64_t window = settings_.forward_window;
  const std::string key = address_key(ip);
  if (window <= 0 || key.empty() || settings_.forward_user.empty()) return std::nullopt;
  const auto known = mark(MarkKind::Relay, key);
  if (known && known->until < wall_seconds()) return std::nullopt;
  auto user = ask(concat("relay ", account::plain_ip(ip), ' ', window));
  // What forward_user says now counts, not what it said at the login.
  if (!user || user->empty() || !relays_after_login(settings_, *user)) return std::nullopt;
  return user;
}

// ---- asking

std::optional<int64_t> Tally::delay(std::string_view question, std::string_view ip) {
  const int64_t most = std::max(settings_.login_delay, settings_.login_delay_max);
  const auto answer =
      ask(concat(question, ' ', account::plain_ip(ip), ' ', settings_.login_delay, ' ', most));
  if (!answer) return std::nullopt;
  if (*answer == "full") return kFull;
  const auto ms = parse_u64(*answer, static_cast<uint64_t>(most));
  if (ms) return static_cast<int64_t>(*ms);
  complain(concat("dmtally answers ", *answer));
  return std::nullopt;
}

std::optional<std::string> Tally::ask(const std::string& question) {
  auto answer = answer_to(question + '\n');
  if (answer && answer->starts_with("ok ")) return answer->substr(3);
  if (answer && *answer == "ok") return std::string();
  complain(answer ? *answer : answer.error().log);
  return std::nullopt;
}

void Tally::complain(std::string_view text) {
  if (!std::exchange(told_, true)) log_.error("tally-failed", {{"text", text}});
}

Result<std::string> Tally::answer_to(const std::string& question) {
  auto input = text_descriptor(question);
  if (!input) return std::move(input.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  const OwnedFd from(ends[0]);
  OwnedFd to(ends[1]);
  auth::HelperCommand command;
  command.words = {sibling(settings_.libexec_path, "dmtally"),
                   tally_directory(settings_.work_path)};
  if (mail_.valid()) {
    command.uid = mail_.uid;
    command.gid = mail_.gid;
  }
  make_tally_directory(settings_.work_path, mail_);
  auto child = auth::spawn(command, input->get(), to.get());
  if (!child) return std::move(child.error());
  to.reset();
  auto line = line_from(from.get(), Deadline::in_ms(kTallyMs));
  if (!line)
    (void)reap(*child, Deadline::in_ms(0));
  else
    leaving_.push_back(*child);
  reap_leaving();
  return line;
}

void Tally::reap_leaving() {
  std::erase_if(leaving_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace dmail::privsep

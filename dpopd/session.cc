#include "dpopd/session.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "dpopd/command_table.h"
#include "dpopd/limits.h"
#include "io/client_stream.h"
#include "io/connection_over.h"

namespace dmail::dpopd {

Outcome Session::failed(const char* what, const Error& error) {
  log_->line(log::level_of(error), what,
             {{"user", start_.user},
              {"ip", start_.client_ip},
              {"text", error.log.empty() ? error.client : error.log}});
  switch (error.kind) {
    case ErrorKind::InUse:
      return Outcome::err("[IN-USE] " + error.client);
    case ErrorKind::NotFound:
      return Outcome::err("the message is gone: another program removed it");
    default:
      return Outcome::err("[SYS/TEMP] " + error.client);
  }
}

Session::Session(Stream& stream, const privsep::SessionStart& start, log::Log& log)
    : start_(start), log_(&log), in_(stream), out_(stream, kStuckOutputMs) {
  in_.preload(start_.pending);
}

Result<void> Session::open_maildrop() {
  store::StoreConfig config;
  config.drop_file = start_.drop_file;
  config.folders = start_.folders;
  config.quota_bytes = start_.quota_bytes;
  config.lock_seconds = static_cast<int>(start_.settings.lock_timeout);
  config.shared_spool = !start_.settings.lock_id.empty();
  config.report = [this](const store::StoreEvent& event) {
    const log::Fields fields = {
        {"user", start_.user}, {"mailbox", event.mailbox}, {"text", event.text}};
    event.what == "index-rebuilt" ? log_->info(event.what, fields)
                                  : log_->error(event.what, fields);
  };
  auto opened = store::Store::open(std::move(config));
  if (!opened) return std::move(opened.error());
  store_ = std::move(*opened);
  auto selected = store_->select("INBOX", false);
  if (!selected) return std::move(selected.error());
  mailbox_ = std::move(*selected);
  marks_.assign(mailbox_->count(), 0);
  return {};
}

int Session::run() {
  try {
    if (Status opened = open_maildrop(); !opened) {
      print(failed("mailbox-failed", opened.error()));
      out_.flush();
      log_end("error", "");
      return 1;
    }
    // The original's words after PASS.
    print(Outcome::ok(concat("burst ok ", escaped(start_.user), " has ", count(), " msgs")));
    const std::string_view reason = serve();
    out_.flush();
    cut_off_ = reason == "error";
    log_end(reason, "");
  } catch (const Terminated&) {
    log_end("terminated", "");
    say_terminated();
  } catch (const ConnectionOver& over) {
    // No update state: RFC 1939 section 6 keeps everything.
    using Why = ConnectionOver::Why;
    cut_off_ = over.why() == Why::ProtocolBroken;
    log_end(over.why() == Why::Timeout          ? "idle"
            : over.why() == Why::ProtocolBroken ? "error"
                                                : "lost",
            over.what());
  }
  return 0;
}

void Session::say_terminated() {
  try {
    print(Outcome::err(concat("[SYS/TEMP] ", kTerminatedText)));
    out_.flush();
  } catch (const ConnectionOver&) {
    return;  // the end is in the log already
  }
}

void Session::log_end(std::string_view reason, std::string_view text) {
  log_->info("session-end", {{"user", start_.user},
                             {"ip", start_.client_ip},
                             {"reason", reason},
                             {"text", text},
                             {"seconds", (monotonic_ms() - began_) / 1000},
                             {"in", in_.octets()},
                             {"out", out_.octets()},
                             {"commands", commands_},
                             {"fetched", fetched_},
                             {"removed", removed_},
                             {"left", left_.value_or(count())}});
}

// Returns why it is over.
std::string_view Session::serve() {
  std::string line;
  for (;;) {
    // Half a command may lie there while its sender waits for the answers to those before it.
    if (in_.buffered().find('\n') == std::string_view::npos) out_.flush();
    const auto got =
        in_.read_line(line, kMaxLine, Deadline::in_seconds(start_.settings.dpop_timeout));
    if (got == LineReader::Line::End) return "closed";
    ++commands_;
    const Outcome outcome =
        got == LineReader::Line::TooLong ? Outcome::bad("the line is too long") : dispatch(line);
    print(outcome);
    if (outcome.kind == Outcome::Kind::Bye || outcome.kind == Outcome::Kind::ByeErr)
      return "logout";
    if (!outcome.bad_command) {
      bad_commands_ = 0;
    } else if (++bad_commands_ >= kMaxBadCommands) {
      print(Outcome::err("too many bad commands; good bye"));
      return "error";
    }
  }
}

Outcome Session::dispatch(std::string_view line) {
  const auto words = split_words(line);
  if (words.empty()) return Outcome::bad("no command");
  const Command* command = find_command(words[0]);
  if (command == nullptr)
    return Outcome::bad(
        "unknown command; known are STAT LIST RETR DELE NOOP RSET TOP UIDL CAPA QUIT");
  const auto arguments = Arguments(words).subspan(1);
  const int given = static_cast<int>(arguments.size());
  if (given < command->least_arguments || given > command->most_arguments)
    return Outcome::bad(concat(command->name, ": wrong number of arguments"));
  return command->handler(*this, arguments);
}

void Session::print(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::Sent:
      return;
    case Outcome::Kind::Err:
    case Outcome::Kind::ByeErr:
      out_.write(concat("-ERR ", outcome.text, "\r\n"));
      return;
    case Outcome::Kind::Ok:
    case Outcome::Kind::Bye:
      out_.write(concat("+OK ", outcome.text, "\r\n"));
      return;
  }
}

uint32_t Session::message_number(std::string_view text, Outcome& why) const {
  const auto n = parse_u32(text);
  if (!n) {
    why = Outcome::bad("that is no message number");
    return 0;
  }
  if (*n == 0 || *n > count()) {
    why = Outcome::err(concat("there is no message ", *n, "; the maildrop has ", count()));
    return 0;
  }
  if (deleted(*n)) {
    why = Outcome::err(concat("message ", *n, " is deleted; RSET brings it back"));
    return 0;
  }
  return *n;
}

void Session::unmark_all() {
  for (uint8_t& m : marks_) m = static_cast<uint8_t>(m & ~kDeletedMark);
}

Session::Total Session::total() {
  Total t;
  for (uint32_t n = 1; n <= count(); ++n) {
    if (deleted(n)) continue;
    ++t.messages;
    t.octets += mailbox_->info(n).size;
  }
  return t;
}

// Another program rewrote the file so that UIDs could not stay: what the client meant by its DELEs
// cannot be known for sure, and it lists its mail again anyhow.
Status Session::numbered_as_before() {
  auto changes = mailbox_->sync(false);
  if (!changes) return std::move(changes.error());
  if (!changes->gone && !changes->renumbered) return {};
  return Error{ErrorKind::InUse,
               "Another program changed the maildrop meanwhile; nothing is deleted. Log in again",
               "the maildrop was numbered anew, so QUIT deleted nothing"};
}

Status Session::remove(const UidSet& numbers, const UidSet& uids) {
  auto marked = mailbox_->change_flags(numbers, {store::FlagAction::Add, store::kDeleted, {}, {}});
  if (!marked) return std::move(marked.error());
  return mailbox_->expunge(&uids);
}

Outcome Session::update() {
  UidSet doomed_numbers, doomed_uids, read;
  for (uint32_t n = 1; n <= count(); ++n) {
    if (deleted(n)) {
      doomed_numbers.add(n);
      doomed_uids.add(mailbox_->uid(n));
    } else if ((marks_[n - 1] & kReadMark) && !(mailbox_->info(n).flags & store::kSeen)) {
      read.add(n);
    }
  }
  if (start_.settings.add_status && !read.empty()) {
    // Nothing the client asked for: a failure is for the log, and the deletions still count.
    auto seen = mailbox_->change_flags(read, {store::FlagAction::Add, store::kSeen, {}, {}});
    if (!seen) (void)failed("command-failed", seen.error());
  }
  if (!doomed_uids.empty()) {
    Status gone = numbered_as_before();
    if (gone) gone = remove(doomed_numbers, doomed_uids);
    if (!gone) {
      // RFC 1939 section 6: -ERR when some were not removed, and the connection ends all the same.
      return Outcome::bye(failed("command-failed", gone.error()));
    }
  }
  removed_ = doomed_uids.count();
  left_ = still_there(removed_);
  return Outcome::bye(concat("good bye, ", *left_, " messages left"));
}

// Of this session's messages; what other programs removed meanwhile is not left, either.  (For the
// text only: what is not known for want of a lock or a file is no error of QUIT.)
uint32_t Session::still_there(uint64_t removed) {
  const auto changes = mailbox_->sync(true);
  if (!changes) return static_cast<uint32_t>(count() - removed);
  if (changes->gone) return 0;
  const auto ours = std::count_if(changes->expunged.begin(), changes->expunged.end(),
                                  [&](uint32_t n) { return n <= count(); });
  return count() - static_cast<uint32_t>(ours);
}

}  // namespace dmail::dpopd

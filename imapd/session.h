// One authenticated IMAP connection: its state, the dispatch of commands, and the end.
//
// run() serves until LOGOUT, hang-up, timeout or SIGTERM.  It holds the one catch for a connection
// that is over, and prints every tagged line.  Handlers (cmd_*.cc) see what is public here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/command_reader.h"
#include "imapd/command_table.h"
#include "imapd/mailbox_view.h"
#include "imapd/outcome.h"
#include "imapd/parser.h"
#include "imapd/reply.h"
#include "store/mailbox.h"
#include "store/store.h"

namespace dmail::imapd {

struct SessionConfig {
  std::string user;
  std::string tag, command;  // of the login command whose OK is ours to send; empty tag: PREAUTH
  std::string pending;       // bytes read by the login program
  std::vector<std::string> create_folders;
  uint64_t message_size_limit = uint64_t{100} << 20;
  uint64_t quota_bytes = 0;
  int64_t idle_ms = 1800 * 1000;        // autologout
  int64_t idle_notify_ms = 120 * 1000;  // between signs of life in IDLE; 0: none
};

class Session {
 public:
  // What went wrong with a command: a fault of the host's (base/result.h), or its user's own.
  using Log = std::function<void(bool fault, std::string_view text)>;
  // What the log is to know of a session that is over.
  struct End {
    std::string_view reason;  // logout closed lost idle terminated error
    std::string text;         // more about it
    uint64_t octets_in = 0, octets_out = 0;
    uint64_t commands = 0, fetched = 0, stored = 0;  // the last two: messages
  };
  Session(store::Store& store, Stream& stream, SessionConfig config, Log log);
  End run();

  // For handlers.
  store::Store& store() { return *store_; }
  Reply& reply() { return reply_; }
  CommandReader& reader() { return reader_; }
  Stream& stream() { return *stream_; }
  const SessionConfig& config() const { return config_; }
  MailboxView& view() { return *view_; }  // only where a mailbox is selected
  store::Mailbox& mailbox() { return view_->mailbox(); }
  [[nodiscard]] bool selected() const { return view_.has_value(); }
  void open_view(std::unique_ptr<store::Mailbox> mailbox) {
    view_.emplace(std::move(mailbox), reply_);
  }
  void close_view() { view_.reset(); }
  // Reads a mailbox name and checks it (modified UTF-7, then the store's rules).
  Result<std::string> mailbox_name(std::string_view name) const;
  // Tells what changed in the selected mailbox; a mailbox that is gone ends the session.
  void tell_updates(bool may_expunge);
  // "* BYE ..." and no more commands; `reason` as in End.
  void end(std::string_view bye, std::string_view reason);
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int64_t idle_notify_ms() const { return config_.idle_notify_ms; }
  Deadline idle_deadline() const { return Deadline::in_ms(config_.idle_ms); }
  // After kQuietMs without input the buffers' memory is given back.
  void wait_quietly();
  void log(const Error& error) {
    if (!error.log.empty()) log_(is_fault(error), error.log);
  }
  End& counts() { return end_; }

 private:
  std::string_view serve();
  void say_bye(std::string_view bye);
  void greet();
  void make_folders();
  void serve_one();
  Outcome dispatch(Parser& parser, std::string& name, unsigned& flags);
  void count_bad(const Outcome& outcome);

  store::Store* store_;
  Stream* stream_;
  SessionConfig config_;
  Log log_;
  BufferedWriter writer_;
  Reply reply_;
  LineReader input_;
  CommandReader reader_;
  std::optional<MailboxView> view_;
  bool ended_ = false;
  End end_{};
  int bad_commands_ = 0;
};

}  // namespace dmail::imapd

// The transaction and update states of POP3 (RFC 1939) over one selected mailbox.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dpopd/outcome.h"
#include "io/byte_sink.h"
#include "io/clock.h"
#include "io/line_reader.h"
#include "log/log.h"
#include "privsep/session_start.h"
#include "store/mailbox.h"
#include "store/store.h"

namespace dmail::dpopd {

class Session {
 public:
  // `stream` is the client; `start` has the account and the bytes already read.
  Session(Stream& stream, const privsep::SessionStart& start, log::Log& log);

  // Opens the maildrop, answers PASS (or greets when run by hand) and serves until QUIT, the end of
  // input or SIGTERM.  Returns the exit status of the program.
  int run();
  // The end was our doing, and the client may not know of it yet.
  [[nodiscard]] bool cut_off() const { return cut_off_; }

  // ---- for the command handlers -----------------------------------------------------------------
  store::Mailbox& mailbox() { return *mailbox_; }
  BufferedWriter& out() { return out_; }
  // The message a command names: 1..count, not deleted; 0 and `why` otherwise.
  uint32_t message_number(std::string_view text, Outcome& why) const;
  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(marks_.size()); }
  [[nodiscard]] bool deleted(uint32_t number) const { return marks_[number - 1] & kDeletedMark; }
  void mark_deleted(uint32_t number) { marks_[number - 1] |= kDeletedMark; }
  void mark_read(uint32_t number) {
    marks_[number - 1] |= kReadMark;
    ++fetched_;
  }
  void unmark_all();
  // Messages and octets that are not marked deleted.
  struct Total {
    uint32_t messages = 0;
    uint64_t octets = 0;
  };
  Total total();
  // The update state: takes the deleted messages out, for good, before the +OK of QUIT.
  Outcome update();
  // The -ERR for a storage error, with the response code of RFC 2449 and RFC 3206 where one fits;
  // its line of the log has the event `what`.
  Outcome failed(const char* what, const Error& error);

 private:
  static constexpr uint8_t kDeletedMark = 1;
  static constexpr uint8_t kReadMark = 2;

  Result<void> open_maildrop();
  Status numbered_as_before();
  Status remove(const UidSet& numbers, const UidSet& uids);
  uint32_t still_there(uint64_t removed);
  Outcome dispatch(std::string_view line);
  void print(const Outcome& outcome);
  std::string_view serve();
  void say_terminated();
  void log_end(std::string_view reason, std::string_view text);

  privsep::SessionStart start_;
  log::Log* log_;
  LineReader in_;
  BufferedWriter out_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Mailbox> mailbox_;
  std::vector<uint8_t> marks_;  // one byte a message
  int bad_commands_ = 0;        // in a row
  bool cut_off_ = false;
  std::optional<uint32_t> left_;  // after QUIT
  int64_t began_ = monotonic_ms();
  uint64_t commands_ = 0, fetched_ = 0, removed_ = 0;
};

}  // namespace dmail::dpopd

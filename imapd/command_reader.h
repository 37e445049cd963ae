// Bytes from the client to one bounded command.  A command is its line with the literals where they
// were announced ("a LOGIN {3}CRLF joe x"), in one buffer; the message literal of APPEND isn't read
// but left to the handler, which reads it piece by piece (read_message) or leaves it.
//
// Limits: limits.h.  Whatever is over one is read past (or, a synchronising literal, never asked
// for), so that the next command is the next command.  RFC 3501 sections 2.2.1, 4.3; RFC 7888
// (LITERAL+).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/line_reader.h"

namespace dmail::imapd {

class CommandReader {
 public:
  enum class Got { Command, Refused, End };

  struct Hooks {
    std::function<void()> before_wait;   // replies must be flushed: input is about to be waited for
    std::function<void()> proceed;       // "+ OK" must be written
    std::function<Deadline()> deadline;  // for the next wait
  };

  CommandReader(LineReader& in, Hooks hooks) : in_(&in), hooks_(std::move(hooks)) {}

  // Refused: `refusal()` says why; text() has at least the tag when there is one.
  Got next();
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::string_view refusal() const { return refusal_; }

  // The message literal that ends text(), if any.
  struct Announced {
    uint64_t size = 0;
    bool synchronising = false;
  };
  [[nodiscard]] const std::optional<Announced>& message() const { return message_; }
  // Asks for it (where it must be asked for); then its pieces, empty at its end.
  void accept_message();
  std::string_view read_message();
  // After the message: reads on to the end of the line or the next message; false when the input
  // ended.
  bool continue_line();
  // Leaves the connection at the next command, whatever of this one wasn't read.
  void finish_command();

  // One line outside commands (IDLE's DONE, an AUTHENTICATE answer); nullopt at the end of input.
  std::optional<std::string> read_plain_line();
  [[nodiscard]] bool ready() const { return in_->ready(); }

 private:
  bool read_line_piece();
  std::string_view read_some(size_t max);
  std::optional<Announced> announced() const;
  [[nodiscard]] bool is_message_literal() const;
  bool take_literal(uint64_t size);
  void discard(uint64_t size);
  bool read_on();
  void refuse(std::string_view why) {
    if (refusal_.empty()) refusal_ = why;
  }

  LineReader* in_;
  Hooks hooks_;
  std::string text_;
  std::string tail_;  // end of the last line piece, for announcements on a line cut short
  std::string_view refusal_;
  std::optional<Announced> message_;
  uint64_t message_left_ = 0;
  bool message_taken_ = false;  // accept_message was called
  bool line_open_ = false;      // the command's last line wasn't read to its end
  size_t line_octets_ = 0;      // octets outside literals so far
  size_t literal_octets_ = 0;
  size_t literal_count_ = 0;
};

}  // namespace dmail::imapd

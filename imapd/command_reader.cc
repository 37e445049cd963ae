#include "imapd/command_reader.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "imapd/limits.h"
#include "io/connection_over.h"

namespace dmail::imapd {
namespace {

constexpr size_t kTail = 32;            // longer than any announcement worth reading
constexpr size_t kKeepCapacity = 4096;  // of the command buffer between commands

}  // namespace

std::string_view CommandReader::read_some(size_t max) {
  if (in_->buffered().empty()) hooks_.before_wait();
  return in_->read_some(max, hooks_.deadline());
}

// Appends what is left of the current line, without its end, to text_ as far as it fits.
bool CommandReader::read_line_piece() {
  tail_.clear();
  for (;;) {
    const std::string_view view = read_some(kMaxLine);
    if (view.empty()) return false;
    const void* lf = std::memchr(view.data(), '\n', view.size());
    const size_t size = lf == nullptr
                            ? view.size()
                            : static_cast<size_t>(static_cast<const char*>(lf) - view.data());
    const std::string_view piece = view.substr(0, size);
    const size_t room = kMaxLine - std::min(kMaxLine, line_octets_);
    text_.append(piece.substr(0, room));
    line_octets_ += std::min(size, room);
    if (size > room) refuse("Command line is too long");
    tail_.append(piece.substr(piece.size() - std::min(piece.size(), kTail)));
    if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
    if (lf != nullptr) {
      in_->unread(view.size() - size - 1);
      break;
    }
  }
  if (!tail_.empty() && tail_.back() == '\r') {
    tail_.pop_back();
    if (refusal_.empty()) text_.pop_back();
  }
  return true;
}

// "{" number ["+"] "}" at the end of the line; a number without bounds counts as the largest.
std::optional<CommandReader::Announced> CommandReader::announced() const {
  std::string_view s = tail_;
  if (s.empty() || s.back() != '}') return std::nullopt;
  s.remove_suffix(1);
  const bool plus = !s.empty() && s.back() == '+';
  if (plus) s.remove_suffix(1);
  size_t digits = 0;
  while (digits < s.size() && is_digit(s[s.size() - 1 - digits])) ++digits;
  if (digits == 0) return std::nullopt;
  // A run of digits that fills the tail is an absurd number all the same.
  const bool cut = digits == s.size();
  if (cut ? tail_.size() + 1 < kTail : s[s.size() - 1 - digits] != '{') return std::nullopt;
  const auto value = parse_u64(s.substr(s.size() - digits));
  return Announced{value.value_or(UINT64_MAX), !plus};
}

// APPEND's first argument may be a literal like any other; the next literal is the message.
bool CommandReader::is_message_literal() const {
  std::string_view rest = text_;
  (void)take_until(rest, ' ');
  if (!iequals(take_until(rest, ' '), "APPEND") || rest.empty()) return false;
  return rest.front() != '{' || literal_count_ > 0;
}

bool CommandReader::take_literal(uint64_t size) {
  text_ += "\r\n";
  literal_octets_ += size;
  while (size > 0) {
    const std::string_view piece = read_some(size);
    if (piece.empty()) return false;
    text_.append(piece);
    size -= piece.size();
  }
  return true;
}

void CommandReader::discard(uint64_t size) {
  if (size > kMaxDiscard)
    throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, "literal too large to read past");
  while (size > 0) {
    const std::string_view piece = read_some(size);
    if (piece.empty()) throw ConnectionOver(ConnectionOver::Why::PeerClosed, "end in a literal");
    size -= piece.size();
  }
}

// Reads line pieces and literals until the command is whole, refused or at its message.
bool CommandReader::read_on() {
  for (;;) {
    if (!read_line_piece()) return false;
    const auto literal = announced();
    if (!literal) return true;
    if (refusal_.empty() && is_message_literal()) {
      message_ = literal;
      message_left_ = literal->size;
      message_taken_ = false;
      line_open_ = true;
      return true;
    }
    if (++literal_count_ > kMaxLiteralCount) refuse("Too many literals");
    if (literal->size > kMaxLiterals - literal_octets_) refuse("Literal is too large");
    if (!refusal_.empty()) {
      if (literal->synchronising) return true;
      discard(literal->size);
      continue;
    }
    if (literal->synchronising) hooks_.proceed();
    if (!take_literal(literal->size)) return false;
  }
}

CommandReader::Got CommandReader::next() {
  text_.clear();
  if (text_.capacity() > kKeepCapacity) text_.shrink_to_fit();
  refusal_ = {};
  message_.reset();
  line_open_ = false;
  line_octets_ = literal_octets_ = literal_count_ = 0;
  if (!read_on()) return Got::End;
  return refusal_.empty() ? Got::Command : Got::Refused;
}

void CommandReader::accept_message() {
  message_taken_ = true;
  if (message_ && message_->synchronising) hooks_.proceed();
}

std::string_view CommandReader::read_message() {
  if (message_left_ == 0) return {};
  const std::string_view piece = read_some(message_left_);
  if (piece.empty()) throw ConnectionOver(ConnectionOver::Why::PeerClosed, "end in a message");
  message_left_ -= piece.size();
  return piece;
}

bool CommandReader::continue_line() {
  message_.reset();
  line_open_ = false;
  text_ = "x APPEND x";  // so that the next literal counts as a message, too
  const size_t prefix = text_.size();
  if (!read_on()) return false;
  text_.erase(0, prefix);
  return true;
}

void CommandReader::finish_command() {
  while (line_open_) {
    line_open_ = false;
    if (message_) {
      const bool unasked = message_->synchronising && !message_taken_;
      message_.reset();
      if (unasked) return;  // the client sees the tagged NO instead of "+"
      discard(message_left_);
      message_left_ = 0;
    }
    refuse("rest of a refused command");
    if (!read_on()) throw ConnectionOver(ConnectionOver::Why::PeerClosed, "end in a command");
  }
}

std::optional<std::string> CommandReader::read_plain_line() {
  text_.clear();
  refusal_ = {};
  line_octets_ = 0;
  if (!read_line_piece()) return std::nullopt;
  return text_;
}

}  // namespace dmail::imapd

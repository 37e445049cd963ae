#include <algorithm>
#include <cstring>

#include "io/file.h"
#include "store/hidden_fields.h"
#include "store/mail_file.h"

namespace dmail::store {
namespace {
constexpr size_t kWindow = 128 * 1024;  // of raw bytes; twice that when every byte is a line end
constexpr std::string_view kFrom = "From ";
static_assert(kWindow >= kMaxHiddenHeader);  // the first window has all that is hidden
}  // namespace

TextReader::TextReader(int fd, const Record& record) : fd_(fd), record_(record) {}

Status TextReader::seek(uint64_t offset) {
  if (offset > record_.size) return Error{ErrorKind::BadInput, "Beyond the end of the message", ""};
  if (!(record_.form & kLfLines)) {
    raw_at_ = given_ = offset;
    return {};
  }
  if (offset < given_) {
    raw_at_ = given_ = 0;
    last_ = '\n';
    raw_.clear();
    held_ = false;
  }
  skip_ = static_cast<size_t>(offset - given_);
  return {};
}

// Reads the next window behind what is left in raw_.
Status TextReader::fill() {
  const size_t left = raw_.size();
  const size_t want = static_cast<size_t>(std::min<uint64_t>(kWindow, record_.raw_size - raw_at_));
  raw_.resize(left + want);
  auto n = read_at(fd_, {raw_.data() + left, want}, record_.offset + record_.prefix_size + raw_at_);
  if (!n) return std::move(n.error());
  if (*n < want)
    return Error{ErrorKind::Corrupt, "The message is no longer there",
                 "mail file ends inside a message"};
  if (raw_at_ == 0 && record_.form & kHiddenFields) take_out_hidden(raw_);
  raw_at_ += want;
  return {};
}

Result<std::string_view> TextReader::next() {
  if (given_ >= record_.size) return std::string_view();
  if (!(record_.form & kLfLines)) {
    raw_.clear();
    const uint64_t before = raw_at_;
    DMAIL_TRY(fill());
    given_ += raw_at_ - before;
    if (raw_.empty())
      return Error{ErrorKind::Corrupt, "The message is no longer there",
                   "record is larger than its text"};
    return std::string_view(raw_);
  }
  for (;;) {
    const bool more = raw_at_ < record_.raw_size;
    if (more) DMAIL_TRY(fill());
    convert(raw_at_ == record_.raw_size);
    if (out_size_ == 0 && !more)
      return Error{ErrorKind::Corrupt, "The message is no longer there",
                   "record is larger than its text"};
    std::string_view piece(out_.get(), out_size_);
    piece = piece.substr(0, record_.size - given_);
    given_ += piece.size();
    const size_t skipped = std::min(skip_, piece.size());
    skip_ -= skipped;
    piece.remove_prefix(skipped);
    if (!piece.empty()) return piece;
    if (given_ >= record_.size) return std::string_view();
  }
}

// Turns raw_ into out_; leaves what the next window decides in raw_ unless this is the `last` one.
void TextReader::convert(bool last) {
  const bool quoted = record_.form & kQuoted;
  // Every octet becomes two at most; one '>' may be held back from before, and a last line end.
  if (const size_t room = 2 * raw_.size() + 3; room > out_room_) {
    out_ = std::make_unique_for_overwrite<char[]>(room);
    out_room_ = room;
  }
  char* to = out_.get();
  const auto end_line = [&] {
    if (quoted || last_ != '\r') *to++ = '\r';  // elsewhere a CRLF may stand as it is
    *to++ = last_ = '\n';
  };
  std::string_view raw(raw_);
  while (!raw.empty()) {
    // Of a run of '>' at the start of a line one is held back until the run's end tells.
    if (quoted && (last_ == '\n' || held_)) {
      if (held_ || raw[0] == '>') {
        size_t n = raw.find_first_not_of('>');
        if (n == raw.npos) n = raw.size();
        to = std::fill_n(to, held_ ? n : n - 1, '>');
        held_ = true;
        last_ = '>';
        raw.remove_prefix(n);
        if (raw.size() < kFrom.size() && !last && kFrom.starts_with(raw)) break;
        if (!raw.starts_with(kFrom)) *to++ = '>';
        held_ = false;
        if (raw.empty()) break;
      }
    }
    const size_t end = raw.find('\n');
    const std::string_view line = raw.substr(0, end);
    to = std::copy(line.begin(), line.end(), to);
    if (!line.empty()) last_ = line.back();
    if (end == raw.npos) {
      raw = {};
      break;
    }
    end_line();  // text we stored has LF for every CRLF
    raw.remove_prefix(end + 1);
  }
  if (raw.empty() && last) {
    if (held_) *to++ = '>';
    held_ = false;
    if (last_ != '\n') end_line();
  }
  out_size_ = static_cast<size_t>(to - out_.get());
  raw_.erase(0, raw_.size() - raw.size());
}

}  // namespace dmail::store

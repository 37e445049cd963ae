#include "store/text_identity.h"

#include <algorithm>
#include <cstring>

#include "store/hidden_fields.h"
#include "store/mix.h"

namespace dmail::store {
namespace {

constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;

uint64_t word_at(const char* p) {
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace

TextIdentity::Line TextIdentity::tell(std::string_view line) {
  if (line == "\n" || line == "\r\n" || line == "\r") return Line::Empty;
  if (!is_continuation(line)) hidden_ = is_hidden_field(line) || is_block_mark(line);
  has_hidden_ |= hidden_;
  return hidden_ ? Line::Hidden : Line::Shown;
}

// Takes the lines that `bytes` has in full; returns what they, and the empty line behind the
// header, make up.
size_t TextIdentity::whole_lines(std::string_view bytes) {
  size_t shown = 0, p = 0;  // [shown, p) is to be taken
  for (size_t end; (end = bytes.find('\n', p)) != bytes.npos;) {
    const Line line = tell(bytes.substr(p, end + 1 - p));
    if (line != Line::Shown) {
      take(bytes.substr(shown, p - shown));
      shown = end + 1;
    }
    p = end + 1;
    if (line == Line::Empty) {
      in_header_ = false;
      return p;
    }
  }
  take(bytes.substr(shown, p - shown));
  return p;
}

// The rest of a line that began in an earlier piece.
void TextIdentity::end_line_of_before(std::string_view& bytes) {
  const size_t n = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  if (in_line_) {
    if (!hidden_) take(bytes.substr(0, n));
    in_line_ = bytes[n - 1] != '\n';
    bytes.remove_prefix(n);
    return;
  }
  const size_t more = std::min(n, kTold - start_.size());
  start_ += bytes.substr(0, more);
  bytes.remove_prefix(more);
  const bool whole = start_.back() == '\n';
  if (!whole && start_.size() < kTold) return;
  const Line line = tell(start_);
  if (line == Line::Shown) take(start_);
  in_header_ = line != Line::Empty;
  in_line_ = !whole;
  start_.clear();
}

void TextIdentity::feed_header(std::string_view& bytes) {
  while (in_header_ && !bytes.empty()) {
    if (in_line_ || !start_.empty()) {
      end_line_of_before(bytes);
      continue;
    }
    bytes.remove_prefix(whole_lines(bytes));
    if (!in_header_ || bytes.empty()) return;
    const size_t n = std::min(bytes.size(), kTold - 1);
    start_ = bytes.substr(0, n);
    bytes.remove_prefix(n);
  }
}

void TextIdentity::take_steps(const char* p, size_t steps) {
  uint64_t a = lanes_[0], b = lanes_[1];
  for (; steps > 0; --steps, p += kStep) {
    a = fold(word_at(p) ^ a, word_at(p + 8) ^ kOdd[0]);
    b = fold(word_at(p + 16) ^ b, word_at(p + 24) ^ kOdd[1]);
  }
  lanes_ = {a, b};
}

void TextIdentity::take(std::string_view bytes) {
  size_ += bytes.size();
  if (rest_size_ > 0) {
    const size_t n = std::min(kStep - rest_size_, bytes.size());
    std::memcpy(rest_.data() + rest_size_, bytes.data(), n);
    rest_size_ += n;
    bytes.remove_prefix(n);
    if (rest_size_ < kStep) return;
    take_steps(rest_.data(), 1);
    rest_size_ = 0;
  }
  take_steps(bytes.data(), bytes.size() / kStep);
  bytes.remove_prefix(bytes.size() / kStep * kStep);
  if (!bytes.empty()) std::memcpy(rest_.data(), bytes.data(), bytes.size());
  rest_size_ = bytes.size();
}

void TextIdentity::feed(std::string_view bytes) {
  if (in_header_) feed_header(bytes);
  if (!bytes.empty() && !header_only_) take(bytes);
}

uint64_t TextIdentity::value() {
  if (!start_.empty() && tell(start_) == Line::Shown) take(start_);
  start_.clear();
  std::fill(rest_.begin() + static_cast<std::ptrdiff_t>(rest_size_), rest_.end(), '\0');
  take_steps(rest_.data(), 1);
  const uint64_t h = fold(fold(lanes_[0] ^ size_, kOdd[2]) ^ lanes_[1], kOdd[3]);
  return (h ^ h >> 48) & kMask;
}

}  // namespace dmail::store

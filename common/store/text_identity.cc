#include "store/text_identity.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "store/hidden_fields.h"

namespace dmail::store {
namespace {

constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;
constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
constexpr size_t kMaxLine = 64 * 1024;  // a header line longer than this is cut in pieces

uint64_t stir(uint64_t h, uint64_t v) {
  h = (h ^ v) * kFactor;
  return h ^ std::rotr(h, 29);
}

uint64_t stir_in(uint64_t h, std::string_view s) {
  uint64_t word = 0;
  for (; s.size() >= 8; s.remove_prefix(8)) {
    std::memcpy(&word, s.data(), 8);
    h = stir(h, word);
  }
  word = 0;
  if (!s.empty()) std::memcpy(&word, s.data(), s.size());
  return stir(h, word ^ uint64_t{s.size() + 1} << 56);
}

}  // namespace

void TextIdentity::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) {
    in_header_ = false;
    return;
  }
  if (!is_continuation(line)) hidden_ = is_hidden_field(line) || is_block_mark(line);
  if (!hidden_) header_ = stir_in(header_, line);
}

void TextIdentity::feed_header(std::string_view& bytes) {
  while (in_header_ && !bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (end == bytes.npos || !line_.empty()) {
      line_.append(piece.substr(0, kMaxLine - std::min(kMaxLine, line_.size())));
      if (end != bytes.npos) {
        take_line(line_);
        line_.clear();
      }
    } else {
      take_line(piece.substr(0, kMaxLine));
    }
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
  }
}

void TextIdentity::take_steps(const char* p, size_t steps) {
  std::array<uint64_t, kLanes> lanes = lanes_;
  for (; steps > 0; --steps, p += kStep) {
    std::array<uint64_t, kLanes> words;
    std::memcpy(words.data(), p, kStep);
    for (size_t i = 0; i < kLanes; ++i) {
      const uint64_t h = (lanes[i] ^ words[i]) * kFactor;
      lanes[i] = h ^ h >> 32;
    }
  }
  lanes_ = lanes;
}

void TextIdentity::feed_body(std::string_view bytes) {
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
  if (!bytes.empty() && !header_only_) feed_body(bytes);
}

uint64_t TextIdentity::value() {
  if (in_header_ && !line_.empty()) {
    take_line(line_);
    line_.clear();
  }
  uint64_t h = stir(header_, size_);
  for (uint64_t lane : lanes_) h = stir(h, lane);
  h = stir_in(h, {rest_.data(), rest_size_});
  return (h ^ h >> 48) & kMask;
}

}  // namespace dmail::store

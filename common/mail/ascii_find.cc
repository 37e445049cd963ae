#include "mail/ascii_find.h"

#include <bit>
#include <cstring>

#include "base/ascii.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace dmail::mail {

namespace {

// How common an octet is in mail: a guess is enough.
unsigned commonness(char c) {
  constexpr std::string_view letters = "qzjxkvwybgpfumchdlrsoniaet";  // rarest first
  const size_t place = letters.find(c);
  if (place != std::string_view::npos) return 4 + static_cast<unsigned>(place);
  if (c == ' ' || c == '-' || c == '=' || c == '\n' || c == '\r') return 40;
  return is_digit(c) ? 10 : 2;
}

}  // namespace

AsciiFinder::AsciiFinder(std::string_view needle) : needle_(lower(needle)) {
  for (size_t i = 0; i < needle_.size(); ++i)
    if (commonness(needle_[i]) < commonness(needle_[first_])) first_ = i;
  second_ = first_ == 0 && needle_.size() > 1 ? needle_.size() - 1 : 0;
  for (size_t i = 0; i < needle_.size(); ++i)
    if (i != first_ && commonness(needle_[i]) < commonness(needle_[second_])) second_ = i;
}

bool AsciiFinder::matches_at(const char* text) const {
  for (size_t i = 0; i < needle_.size(); ++i)
    if (to_lower(text[i]) != needle_[i]) return false;
  return true;
}

bool AsciiFinder::in_plain(std::string_view text) const {
  for (size_t i = 0; i + needle_.size() <= text.size(); ++i)
    if (to_lower(text[i + first_]) == needle_[first_] && matches_at(text.data() + i)) return true;
  return false;
}

bool AsciiFinder::in(std::string_view text, bool& text_has_8bit) const {
  if (needle_.empty()) return true;
  if (needle_.size() <= kMaxSimple && text.size() >= needle_.size())
    return in_simple(text, text_has_8bit);
  text_has_8bit = has_8bit(text);
  if (text.size() < needle_.size()) return false;
  const std::string folded = lower(text);
  return memmem(folded.data(), folded.size(), needle_.data(), needle_.size()) != nullptr;
}

#ifdef __SSE2__

namespace {

constexpr size_t kBlock = sizeof(__m128i);

__m128i load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
// A letter and its capital differ in this bit, and no other octet becomes a letter by it.
__m128i case_bit(char c) { return _mm_set1_epi8(is_alpha(c) ? 0x20 : 0); }

}  // namespace

bool AsciiFinder::in_simple(std::string_view text, bool& text_has_8bit) const {
  const size_t places = text.size() - needle_.size() + 1;
  if (places < kBlock) {
    text_has_8bit = has_8bit(text);
    return in_plain(text);
  }
  const __m128i first = _mm_set1_epi8(needle_[first_]);
  const __m128i second = _mm_set1_epi8(needle_[second_]);
  const __m128i first_case = case_bit(needle_[first_]);
  const __m128i second_case = case_bit(needle_[second_]);
  __m128i seen = _mm_setzero_si128();  // all octets that were looked at for the first
  const auto hits_at = [&](const char* p) {
    const __m128i text_first = load(p + first_);
    seen = _mm_or_si128(seen, text_first);
    const __m128i a = _mm_cmpeq_epi8(_mm_or_si128(text_first, first_case), first);
    const __m128i b = _mm_cmpeq_epi8(_mm_or_si128(load(p + second_), second_case), second);
    return _mm_and_si128(a, b);
  };
  const auto match_in = [&](const char* p, __m128i at) {
    for (auto hits = static_cast<unsigned>(_mm_movemask_epi8(at)); hits != 0; hits &= hits - 1)
      if (matches_at(p + std::countr_zero(hits))) return true;
    return false;
  };
  const char* p = text.data();
  const char* const last = p + places - kBlock;
  for (; p + kBlock < last; p += 2 * kBlock) {
    const __m128i low = hits_at(p), high = hits_at(p + kBlock);
    if (_mm_movemask_epi8(_mm_or_si128(low, high)) == 0) continue;
    if (match_in(p, low) || match_in(p + kBlock, high)) return true;
  }
  if (p < last && match_in(p, hits_at(p))) return true;
  if (match_in(last, hits_at(last))) return true;  // some of its places a second time
  text_has_8bit = _mm_movemask_epi8(seen) != 0 || has_8bit(text.substr(0, first_)) ||
                  has_8bit(text.substr(places + first_));
  return false;
}

bool has_8bit(std::string_view s) {
  size_t i = 0;
  for (; i + kBlock <= s.size(); i += kBlock)
    if (_mm_movemask_epi8(load(s.data() + i)) != 0) return true;
  for (; i < s.size(); ++i)
    if (is_8bit(s[i])) return true;
  return false;
}

#else

bool AsciiFinder::in_simple(std::string_view text, bool& text_has_8bit) const {
  text_has_8bit = has_8bit(text);
  return in_plain(text);
}

bool has_8bit(std::string_view s) {
  for (const char c : s)
    if (is_8bit(c)) return true;
  return false;
}

#endif

}  // namespace dmail::mail

// What an unknown name was meant to be.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "conf/table.h"

namespace dmail::conf {

namespace {

constexpr size_t kMaxTyped = 64;

// A name as it would be written right: a BOM before it, capitals, hyphens, and the `=` or `:` of
// other programs' files are no part of it.
struct Typed {
  std::array<char, kMaxTyped> letters{};
  size_t size = 0;
  explicit Typed(std::string_view text) {
    while (!text.empty() && is_8bit(text.front())) text.remove_prefix(1);
    for (char c : text) {
      const char letter = c == '-' ? '_' : to_lower(c);
      if ((!is_lower(letter) && !is_digit(letter) && letter != '_') || size == kMaxTyped) break;
      letters[size++] = letter;
    }
  }
  [[nodiscard]] std::string_view view() const { return {letters.data(), size}; }
};

// Levenshtein's distance, with a swap of neighbours as one step, in rows of a fixed size: the name
// is from a file, and servers ask.
size_t distance(std::string_view a, std::string_view b) {
  using Line = std::array<size_t, kMaxTyped + 1>;
  Line before{}, above{}, now{};
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] =
          std::min({above[j] + 1, now[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before = above;
    above = now;
  }
  return above[b.size()];
}

constexpr bool names_fit() {
  return std::all_of(kTable.begin(), kTable.end(),
                     [](const Entry& e) { return e.name_size <= kMaxTyped; });
}
static_assert(names_fit());

}  // namespace

std::string_view nearest(std::string_view name) {
  const Typed typed(name);
  const Entry* best = nullptr;
  size_t least = std::max<size_t>(1, typed.size / 4) + 1;
  for (const Entry& e : kTable) {
    const size_t longer = std::max<size_t>(e.name_size, typed.size);
    if (longer - std::min<size_t>(e.name_size, typed.size) > least) continue;
    const size_t d = distance(typed.view(), name_of(e));
    // Of two as near, the one that must not be missed.
    if (d < least || (best != nullptr && d == least && e.defer && !best->defer)) {
      least = d;
      best = &e;
    }
  }
  return best != nullptr ? name_of(*best) : std::string_view();
}

}  // namespace dmail::conf

#include "base/uid_set.h"

#include <algorithm>

#include "base/number.h"
#include "base/text.h"

namespace dmail {
namespace {

std::optional<uint32_t> seq_number(std::string_view s, uint32_t star) {
  if (s == "*") return star;
  auto v = parse_u32(s);
  if (!v || *v == 0 || s[0] == '0') return std::nullopt;
  return v;
}

}  // namespace

std::optional<UidSet> UidSet::parse(std::string_view text, uint32_t star, size_t max_ranges) {
  UidSet set;
  std::string_view rest = text;
  if (text.empty() || text.back() == ',') return std::nullopt;
  while (!rest.empty()) {
    std::string_view item = take_until(rest, ',');
    if (set.ranges_.size() >= max_ranges) return std::nullopt;
    const size_t colon = item.find(':');
    auto a = seq_number(item.substr(0, colon), star);
    auto b = colon == std::string_view::npos ? a : seq_number(item.substr(colon + 1), star);
    if (!a || !b) return std::nullopt;
    if (*a > *b) std::swap(a, b);
    if (*b == 0) continue;  // "*" in an empty mailbox
    set.ranges_.push_back({std::max(*a, 1u), *b});
  }
  set.normalise();
  return set;
}

void UidSet::add(uint32_t first, uint32_t last) {
  if (!ranges_.empty()) {
    UidRange& back = ranges_.back();
    if (first >= back.first && first <= back.last + uint64_t{1}) {
      back.last = std::max(back.last, last);
      return;
    }
    if (first < back.first) {
      ranges_.push_back({first, last});
      normalise();
      return;
    }
  }
  ranges_.push_back({first, last});
}

void UidSet::normalise() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const UidRange& a, const UidRange& b) { return a.first < b.first; });
  std::vector<UidRange> out;
  for (const UidRange& r : ranges_) {
    if (!out.empty() && r.first <= out.back().last + uint64_t{1})
      out.back().last = std::max(out.back().last, r.last);
    else
      out.push_back(r);
  }
  ranges_ = std::move(out);
}

bool UidSet::contains(uint32_t number) const {
  auto it = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                             [](uint32_t n, const UidRange& r) { return n < r.first; });
  return it != ranges_.begin() && number <= std::prev(it)->last;
}

uint64_t UidSet::count() const {
  uint64_t n = 0;
  for (const UidRange& r : ranges_) n += uint64_t{r.last} - r.first + 1;
  return n;
}

std::string UidSet::to_string() const {
  std::string out;
  for (const UidRange& r : ranges_) {
    if (!out.empty()) out.push_back(',');
    append(out, r.first);
    if (r.last != r.first) {
      out.push_back(':');
      append(out, r.last);
    }
  }
  return out;
}

}  // namespace dmail

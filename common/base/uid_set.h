// IMAP sequence sets (RFC 3501 section 9, sequence-set): ordered, disjoint ranges of 32-bit
// numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dmail {

struct UidRange {
  uint32_t first = 0;
  uint32_t last = 0;  // inclusive
  bool operator==(const UidRange&) const = default;
};

class UidSet {
 public:
  // `text` as a sequence-set; `*` stands for `star` (the largest number in use, 0 when there is
  // none).  nullopt on a syntax error, a zero, a number over 2^32-1, or more than `max_ranges`.
  // Ranges are normalised: sorted, merged, so that cost is linear in the number of ranges.
  static std::optional<UidSet> parse(std::string_view text, uint32_t star,
                                     size_t max_ranges = 100000);

  void add(uint32_t number) { add(number, number); }
  void add(uint32_t first, uint32_t last);  // cheap when ascending
  [[nodiscard]] bool contains(uint32_t number) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] uint64_t count() const;
  [[nodiscard]] const std::vector<UidRange>& ranges() const { return ranges_; }
  [[nodiscard]] std::string to_string() const;  // "1:3,7"; empty when empty

 private:
  void normalise();
  std::vector<UidRange> ranges_;
};

}  // namespace dmail

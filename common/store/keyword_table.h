// The keyword names of one mailbox; a keyword's bit in Record::keywords is its place here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"

namespace dmail::store {

inline constexpr size_t kMaxKeywords = 64;       // 30 in an mbx file
inline constexpr size_t kMaxKeywordLength = 64;  // octets

// An IMAP atom (RFC 3501 section 9): what a client may be told inside a flag list.
constexpr bool is_keyword(std::string_view name) {
  if (name.empty() || name.size() > kMaxKeywordLength) return false;
  for (char c : name)
    if (!is_graph(c) || std::string_view("(){%*\"\\]").find(c) != std::string_view::npos)
      return false;
  return true;
}

class KeywordTable {
 public:
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::optional<unsigned> find(std::string_view name) const {
    for (size_t i = 0; i < names_.size(); ++i)
      if (iequals(names_[i], name)) return static_cast<unsigned>(i);
    return std::nullopt;
  }
  // The bit of `name`, added when it is a keyword and there is room below `limit`.
  std::optional<unsigned> add(std::string_view name, size_t limit = kMaxKeywords) {
    if (auto bit = find(name)) return bit;
    if (names_.size() >= limit || !is_keyword(name)) return std::nullopt;
    names_.emplace_back(name);
    return static_cast<unsigned>(names_.size() - 1);
  }
  // Gives a bit that no message has to another name; false when that is no keyword.
  bool replace(unsigned bit, std::string_view name) {
    if (bit >= names_.size() || !is_keyword(name)) return false;
    names_[bit] = name;
    return true;
  }
  void clear() { names_.clear(); }

 private:
  std::vector<std::string> names_;
};

}  // namespace dmail::store

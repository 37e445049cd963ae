#include "account/name_list.h"

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::account {

namespace {

enum class Verdict { Named, Refused, NoneMatched, OnlyRefusals };

Verdict verdict(const std::vector<std::string>& list, const Matches& matches) {
  bool any_permission = false;
  for (const std::string& item : list) {
    std::string_view rest = item;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find_first_of(", \t"), rest.size());
      std::string_view pattern = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const bool refuse = !pattern.empty() && pattern.front() == '!';
      if (refuse) pattern.remove_prefix(1);
      if (pattern.empty()) continue;
      any_permission |= !refuse;
      if (matches(pattern)) return refuse ? Verdict::Refused : Verdict::Named;
    }
  }
  return any_permission ? Verdict::NoneMatched : Verdict::OnlyRefusals;
}

Matches one_of(std::span<const std::string_view> values, bool fold_case) {
  return [values, fold_case](std::string_view pattern) {
    for (std::string_view value : values)
      if (wildcard_match(pattern, value, fold_case)) return true;
    return false;
  };
}

}  // namespace

bool list_allows(const std::vector<std::string>& list, const Matches& matches) {
  const Verdict v = verdict(list, matches);
  return v == Verdict::Named || v == Verdict::OnlyRefusals;
}

bool list_allows(const std::vector<std::string>& list, std::span<const std::string_view> values,
                 bool fold_case) {
  return list_allows(list, one_of(values, fold_case));
}

bool list_names(const std::vector<std::string>& list, const Matches& matches) {
  return verdict(list, matches) == Verdict::Named;
}

bool list_names(const std::vector<std::string>& list, std::span<const std::string_view> values,
                bool fold_case) {
  return list_names(list, one_of(values, fold_case));
}

}  // namespace dmail::account

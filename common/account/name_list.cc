#include "account/name_list.h"

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::account {

namespace {

enum class Verdict { Named, Refused, NoneMatched, OnlyRefusals };

Verdict verdict(const std::vector<std::string>& list, std::span<const std::string_view> values,
                bool fold_case) {
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
      for (std::string_view value : values)
        if (wildcard_match(pattern, value, fold_case))
          return refuse ? Verdict::Refused : Verdict::Named;
    }
  }
  return any_permission ? Verdict::NoneMatched : Verdict::OnlyRefusals;
}

}  // namespace

bool list_allows(const std::vector<std::string>& list, std::span<const std::string_view> values,
                 bool fold_case) {
  const Verdict v = verdict(list, values, fold_case);
  return v == Verdict::Named || v == Verdict::OnlyRefusals;
}

bool list_names(const std::vector<std::string>& list, std::span<const std::string_view> values,
                bool fold_case) {
  return verdict(list, values, fold_case) == Verdict::Named;
}

std::string plain_ip(std::string_view ip) {
  std::string text = lower(ip.substr(0, ip.find('%')));
  constexpr std::string_view kMapped = "::ffff:";
  if (text.starts_with(kMapped) && text.find('.') != std::string::npos)
    text.erase(0, kMapped.size());
  return text;
}

}  // namespace dmail::account

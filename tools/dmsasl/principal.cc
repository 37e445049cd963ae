#include "tools/dmsasl/principal.h"

#include "privsep/sasl_protocol.h"

namespace dmail::dmsasl {

std::string user_of_principal(std::string_view principal, std::string_view realm) {
  const size_t at = principal.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == principal.size()) return {};
  if (principal.find('@', at + 1) != std::string_view::npos ||
      principal.find_first_of(std::string_view("/\\\0", 3)) != std::string_view::npos ||
      principal.size() > privsep::kMaxExchangeText)
    return {};
  if (!realm.empty() && principal.substr(at + 1) == realm) principal = principal.substr(0, at);
  return std::string(principal);
}

}  // namespace dmail::dmsasl

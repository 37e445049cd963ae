#include "tools/dmsasl/digest_uri.h"

#include <optional>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::dmsasl {
namespace {

// The value after `=`: a token, or a quoted string with backslash escapes.
std::optional<std::string> take_value(std::string_view& rest) {
  std::string value;
  if (rest.empty() || rest.front() != '"') {
    const size_t end = std::min(rest.find(','), rest.size());
    value = trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return value;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\') rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return std::nullopt;
  rest.remove_prefix(1);
  return value;
}

}  // namespace

std::string service_of_digest_uri(std::string_view rest) {
  std::optional<std::string> uri;
  while (!rest.empty()) {
    const size_t start = rest.find_first_not_of(", \t\r\n");
    if (start == std::string_view::npos) break;
    rest.remove_prefix(start);
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view name = trim(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    std::optional<std::string> value = take_value(rest);
    if (!value) return {};
    if (!iequals(name, "digest-uri")) continue;
    if (uri) return {};
    uri = std::move(value);
  }
  const size_t slash = uri ? uri->find('/') : std::string::npos;
  return slash == std::string::npos ? "" : lower(std::string_view(*uri).substr(0, slash));
}

}  // namespace dmail::dmsasl

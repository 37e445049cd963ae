#include "privsep/sasl.h"

#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/wipe.h"

namespace dmail::privsep {
namespace {

using namespace std::string_view_literals;

Error bad(const char* text) { return Error{ErrorKind::BadInput, text, ""}; }

// saslname = 1*(value-safe-char / "=2C" / "=3D")  (RFC 5801 section 4)
bool decode_saslname(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (text[0] != '=') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    if (!text.starts_with("=2C") && !text.starts_with("=3D")) return false;
    out += text[2] == 'C' ? ',' : '=';
    text.remove_prefix(3);
  }
  return !out.empty();
}

// auth-scheme and b64token (RFC 6750 section 2.1)
bool take_bearer(std::string_view value, std::string& token) {
  constexpr std::string_view kScheme = "bearer ";
  if (!istarts_with(value, kScheme)) return false;
  value.remove_prefix(kScheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  std::string_view body = value;
  while (body.ends_with('=')) body.remove_suffix(1);
  for (const char c : body)
    if (!is_alnum(c) && "-._~+/"sv.find(c) == std::string_view::npos) return false;
  if (body.empty() || !token.empty()) return false;  // none, or the second one
  token = value;
  return true;
}

// kvsep *(key "=" value kvsep) kvsep, the first kvsep taken already; `user` names the key of
// XOAUTH2.
bool take_pairs(std::string_view text, std::string_view user_key, Credentials& out) {
  while (!text.empty() && text[0] != '\1') {
    const size_t end = text.find('\1');
    if (end == text.npos) return false;
    std::string_view value = text.substr(0, end);
    text.remove_prefix(end + 1);
    const size_t equals = value.find('=');
    if (equals == 0 || equals == value.npos) return false;
    const std::string_view key = value.substr(0, equals);
    value.remove_prefix(equals + 1);
    if (key == "auth" && !take_bearer(value, out.password)) return false;
    if (!user_key.empty() && key == user_key) {
      if (!out.user.empty()) return false;
      out.user = value;
    }
  }
  return text == "\1"sv && !out.user.empty() && !out.password.empty() &&
         out.user.find_first_of("\0\r\n"sv) == std::string::npos;
}

template <typename Parse>
Result<Credentials> parse_token(std::string_view base64, Parse parse) {
  auto message = base64_decode(base64);
  if (!message) return bad("Invalid base64");
  Credentials out;
  const bool good = parse(std::string_view(*message), out);
  wipe(*message);
  if (!good) return bad("Invalid bearer message");
  return out;
}

}  // namespace

Credentials::~Credentials() { wipe(password); }

Result<Credentials> sasl_plain(std::string_view base64) {
  auto message = base64_decode(base64);
  if (!message) return bad("Invalid base64");
  const std::string_view text = *message;
  const size_t first = text.find('\0');
  const size_t second = first == text.npos ? first : text.find('\0', first + 1);
  Credentials out;
  bool good = second != text.npos && text.find('\0', second + 1) == text.npos;
  bool other = false;
  if (good) {
    const std::string_view authzid = text.substr(0, first);
    out.user = text.substr(first + 1, second - first - 1);
    out.password = text.substr(second + 1);
    good = !out.user.empty() && text.find_first_of("\r\n") == text.npos;
    other = !authzid.empty() && authzid != out.user;
  }
  wipe(*message);
  if (!good) return bad("Invalid PLAIN message");
  if (other) return Error{ErrorKind::NoPermission, "Acting for another user is not possible", ""};
  return out;
}

Result<std::string> sasl_login(std::string_view base64) {
  auto message = base64_decode(base64);
  if (!message) return bad("Invalid base64");
  if (message->find_first_of("\0\r\n"sv) != std::string::npos) {
    wipe(*message);
    return bad("Invalid LOGIN message");
  }
  return std::move(*message);
}

Result<Credentials> sasl_oauthbearer(std::string_view base64) {
  return parse_token(base64, [](std::string_view text, Credentials& out) {
    // gs2-header: no channel binding, an authorization identity.
    if (!text.starts_with("n,a=") && !text.starts_with("y,a=")) return false;
    text.remove_prefix(4);
    const size_t comma = text.find(',');
    if (comma == text.npos || !decode_saslname(text.substr(0, comma), out.user)) return false;
    text.remove_prefix(comma + 1);
    if (!text.starts_with('\1')) return false;
    return take_pairs(text.substr(1), {}, out);
  });
}

Result<Credentials> sasl_xoauth2(std::string_view base64) {
  return parse_token(base64, [](std::string_view text, Credentials& out) {
    return take_pairs(text, "user", out);
  });
}

}  // namespace dmail::privsep

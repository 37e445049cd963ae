#include "privsep/sasl.h"

#include <utility>

#include "base/base64.h"
#include "base/wipe.h"

namespace dmail::privsep {
namespace {

using namespace std::string_view_literals;

Error bad(const char* text) { return Error{ErrorKind::BadInput, text, ""}; }

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

}  // namespace dmail::privsep

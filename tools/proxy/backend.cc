#include "tools/proxy/backend.h"

#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::proxy {
namespace {

constexpr std::string_view kNotNow = "The server of this account cannot be reached now";

}  // namespace

Result<std::string> Backend::line() {
  std::string out;
  switch (reader_.read_line(out, kMaxBackendLine, deadline_)) {
    case LineReader::Line::Ok:
      return out;
    case LineReader::Line::TooLong:
      return Error{ErrorKind::Limit, std::string(kNotNow), "an answer is too long"};
    case LineReader::Line::End:
      break;
  }
  return Error{ErrorKind::TryLater, std::string(kNotNow), "the server hung up"};
}

Status Backend::start_tls() {
  // Bytes behind the go-ahead were not the server's: somebody wants them read inside TLS.
  if (!reader_.buffered().empty())
    return Error{ErrorKind::BadInput, std::string(kNotNow), "bytes behind the go-ahead for TLS"};
  auto stream = secure_();
  if (!stream) return std::move(stream.error());
  reader_.set_stream(**stream);
  secured_ = true;
  return {};
}

Error odd_answer(std::string_view what, std::string_view line) {
  return Error{ErrorKind::BadInput, std::string(kNotNow), concat(what, ": ", line.substr(0, 200))};
}

Error refused_there(std::string_view what, std::string_view line) {
  return Error{ErrorKind::NoPermission, std::string(kNotNow),
               concat(what, " refused: ", line.substr(0, 200))};
}

std::string plain_response(std::string_view user, std::string_view master,
                           std::string_view password) {
  std::string message;
  message.reserve(user.size() + master.size() + password.size() + 2);
  if (!master.empty()) message += user;
  message += '\0';
  message += master.empty() ? user : master;
  message += '\0';
  message += password;
  std::string out = base64_encode(message);
  wipe(message);
  return out;
}

}  // namespace dmail::proxy

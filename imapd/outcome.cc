#include "imapd/outcome.h"

namespace dmail::imapd {
namespace {

std::string_view code_of(ErrorKind kind, Outcome::Missing missing) {
  switch (kind) {
    case ErrorKind::BadInput:
      return "CANNOT";
    case ErrorKind::NotFound:
      return missing == Outcome::Missing::TryCreate ? "TRYCREATE" : "NONEXISTENT";
    case ErrorKind::Exists:
      return "ALREADYEXISTS";
    case ErrorKind::InUse:
      return "INUSE";
    case ErrorKind::NoPermission:
      return "NOPERM";
    case ErrorKind::OverQuota:
      return "OVERQUOTA";
    case ErrorKind::NoSpace:
      return "UNAVAILABLE";
    case ErrorKind::Io:
      return "SERVERBUG";
    case ErrorKind::Corrupt:
      return "CORRUPTION";
    case ErrorKind::Limit:
      return "LIMIT";
    case ErrorKind::Unsupported:
      return "CANNOT";
    case ErrorKind::TryLater:
      return "UNAVAILABLE";
  }
  return "SERVERBUG";
}

}  // namespace

Outcome Outcome::failed(const Error& error, Missing missing) {
  Outcome out = no(std::string(code_of(error.kind, missing)), error.client);
  if (out.text.empty()) out.text = "Command failed";
  out.log = error.log;
  out.fault = is_fault(error);
  return out;
}

}  // namespace dmail::imapd

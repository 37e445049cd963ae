#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace dmail {
namespace {

ErrorKind kind_of(int e) {
  switch (e) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::NotFound;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorKind::Exists;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      return ErrorKind::NoPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorKind::NoSpace;
    case EAGAIN:
    case EDEADLK:
    case ENOLCK:
      return ErrorKind::InUse;
    case ENAMETOOLONG:
      return ErrorKind::Limit;
    default:
      return ErrorKind::Io;
  }
}

const char* client_text(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
      return "It does not exist";
    case ErrorKind::Exists:
      return "It already exists";
    case ErrorKind::NoPermission:
      return "Permission denied";
    case ErrorKind::NoSpace:
      return "The disk is full";
    case ErrorKind::InUse:
      return "It is locked by another program; try again";
    case ErrorKind::Limit:
      return "The name is too long";
    default:
      return "Internal error; the administrator's log has the reason";
  }
}

}  // namespace

bool is_fault(const Error& error) {
  switch (error.kind) {
    case ErrorKind::NoPermission:
    case ErrorKind::NoSpace:
    case ErrorKind::Io:
    case ErrorKind::Corrupt:
    case ErrorKind::TryLater:
      return true;
    case ErrorKind::NotFound:
    case ErrorKind::Unsupported:
      return !error.log.empty();
    case ErrorKind::BadInput:
    case ErrorKind::Exists:
    case ErrorKind::InUse:
    case ErrorKind::OverQuota:
    case ErrorKind::Limit:
      return false;
  }
  return true;
}

Error system_error(std::string what, int errno_value) {
  ErrorKind kind = kind_of(errno_value);
  what += ": ";
  what += std::strerror(errno_value);
  return Error{kind, client_text(kind), std::move(what)};
}

}  // namespace dmail

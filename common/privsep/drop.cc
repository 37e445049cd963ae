#include "privsep/drop.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace dmail::privsep {
namespace {

Error refused(std::string log) {
  return Error{ErrorKind::NoPermission, "Internal error", std::move(log)};
}

Status prove(Ids ids) {
  uid_t r = 0, e = 0, s = 0;
  if (::getresuid(&r, &e, &s) != 0 || r != ids.uid || e != ids.uid || s != ids.uid)
    return refused("the uid did not change in all its forms");
  gid_t rg = 0, eg = 0, sg = 0;
  if (::getresgid(&rg, &eg, &sg) != 0 || rg != ids.gid || eg != ids.gid || sg != ids.gid)
    return refused("the gid did not change in all its forms");
  if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setreuid(0, 0) == 0)
    return refused("root could be had back");
  if (::setgid(0) == 0 || ::setegid(0) == 0) return refused("group 0 could be had back");
  const gid_t zero = 0;
  if (::setgroups(1, &zero) == 0) return refused("groups could be had back");
  // setfsuid(-1) changes nothing and tells the file system uid in force.
  if (static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) != ids.uid)
    return refused("the file system uid did not change");
  return {};
}

}  // namespace

bool is_root() { return ::geteuid() == 0; }

Status become(Ids ids) {
  if (!ids.valid() || ids.uid == 0) return refused("asked to serve a user as root");
  if (!is_root()) {
    // Group 0 may be an ordinary user's, as in some containers; here is nothing to give up.
    uid_t r = 0, e = 0, s = 0;
    if (::getresuid(&r, &e, &s) != 0 || r != ids.uid || e != ids.uid || s != ids.uid)
      return refused(concat("not root, and not uid ", ids.uid));
    return {};
  }
  if (ids.gid == 0) return refused("asked to serve a user as group 0");
  if (::setgroups(0, nullptr) != 0) return system_error("setgroups", errno);
  if (::setresgid(ids.gid, ids.gid, ids.gid) != 0) return system_error("setresgid", errno);
  if (::setresuid(ids.uid, ids.uid, ids.uid) != 0) return system_error("setresuid", errno);
  return prove(ids);
}

}  // namespace dmail::privsep

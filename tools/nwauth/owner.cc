#include "tools/nwauth/owner.h"

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/text.h"
#include "privsep/drop.h"
#include "privsep/ids.h"

namespace dmail::nwauth {
namespace {

constexpr const char* kSeePage = ", see Upgrading in dmail-admin(7)";

std::string name_of(uid_t uid) {
  const passwd* user = ::getpwuid(uid);
  return user != nullptr ? concat(user->pw_name, " (uid ", uid, ')') : concat("uid ", uid);
}

Error not_ours(const std::string& path, uid_t found, uid_t wanted, const std::string& directory) {
  const std::string of = name_of(found);
  const passwd* user = ::getpwuid(wanted);
  const std::string owner =
      user != nullptr ? concat(user->pw_name, ':') : concat(wanted, ':', wanted);
  // A reply has room for so much, and the servers' log has nothing but that.
  return Error{ErrorKind::NoPermission, "",
               concat(escaped(path), " belongs to ", of, ", must be module_user's (uid ", wanted,
                      "): chown -R ", owner, ' ', escaped(directory), kSeePage)};
}

Status become(privsep::Ids ids, const std::string& directory) {
  Status done = privsep::become(ids);
  if (!done) done.error().log = concat("becoming the owner of ", directory, ": ", done.error().log);
  return done;
}

Status make(const std::string& directory, const Result<privsep::Ids>& own) {
  if (::mkdir(directory.c_str(), 0700) != 0) return system_error("mkdir " + directory, errno);
  if (!own) {
    std::fprintf(stderr, "nwauth: %s stays root's: module_user: %s%s\n", directory.c_str(),
                 own.error().log.c_str(), kSeePage);
    return {};
  }
  if (::lchown(directory.c_str(), own->uid, own->gid) != 0)
    return system_error("chown " + directory, errno);
  return become(*own, directory);
}

// The first of directory and files that is not our own.
std::optional<std::pair<std::string, uid_t>> first_of_others(const std::string& directory) {
  struct stat st {};
  if (::lstat(directory.c_str(), &st) != 0) return std::nullopt;
  if (st.st_uid != ::geteuid()) return std::pair(directory, st.st_uid);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr) {
    const std::string path = concat(directory, '/', entry->d_name);
    if (std::string_view(entry->d_name) != ".." && ::lstat(path.c_str(), &st) == 0 &&
        st.st_uid != ::geteuid())
      return std::pair(path, st.st_uid);
  }
  return std::nullopt;
}

}  // namespace

Status become_owner(const std::string& directory, const std::string& module_user, bool resident) {
  if (!privsep::is_root()) return {};
  const auto own = privsep::ids_of(module_user);
  if (resident && (!own || own->uid == 0))
    return Error{ErrorKind::NotFound, "",
                 concat("-listen: nwauth does not stay as root, and of module_user there is ",
                        own ? "nothing but root" : "none: ", own ? "" : own.error().log,
                        " (-moduleuser NAME names another)")};
  struct stat st {};
  if (::lstat(directory.c_str(), &st) != 0) return make(directory, own);
  if (resident && st.st_uid != own->uid) return not_ours(directory, st.st_uid, own->uid, directory);
  if (st.st_uid == 0) return {};
  return become({st.st_uid, st.st_gid}, directory);
}

Error with_owner(const std::string& directory, Error error) {
  const auto other = first_of_others(directory);
  if (!other || privsep::is_root()) return error;
  return not_ours(other->first, other->second, ::geteuid(), directory);
}

}  // namespace dmail::nwauth

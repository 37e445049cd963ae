#include "privsep/ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "io/owned_fd.h"

namespace dmail::privsep {
namespace {

constexpr uint64_t kMaxId = 0xfffffffe;  // (uid_t)-1 means "no change" to the system

std::optional<Ids> ids_in(const std::vector<std::string_view>& fields) {
  const auto uid = parse_u64(fields[2], kMaxId);
  const auto gid = parse_u64(fields[3], kMaxId);
  if (!uid || !gid) return std::nullopt;
  return Ids{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)};
}

// The first entry for which `wanted` holds, read in blocks up to that entry only: system users
// stand at the top of a file that can be long.
template <typename Wanted>
Result<Ids> find_entry(const std::string& path, Wanted wanted) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return system_error(concat("open ", path), errno);
  std::string text;
  bool skipping = false;
  for (;;) {
    char block[4096];
    const ssize_t n = ::read(fd.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(concat("read ", path), errno);
    if (n == 0) text += '\n';
    text.append(block, static_cast<size_t>(n));
    std::string_view rest = text;
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      const auto fields = split(rest.substr(0, end), ':');
      if (!skipping && fields.size() == 7 && wanted(fields))
        if (const auto ids = ids_in(fields)) return *ids;
      skipping = false;
      rest.remove_prefix(end + 1);
    }
    text = std::string(rest);
    if (text.size() > kMaxPasswdLine) {
      text.clear();
      skipping = true;
    }
    if (n == 0) return Error{ErrorKind::NotFound, "No such user", concat("no such user in ", path)};
  }
}

}  // namespace

Result<Ids> ids_of(uid_t uid, const std::string& passwd_file) {
  auto found = find_entry(passwd_file, [&](const std::vector<std::string_view>& fields) {
    return parse_u64(fields[2], kMaxId) == uid;
  });
  if (found || found.error().kind != ErrorKind::NotFound) return found;
  return Ids{uid, static_cast<gid_t>(uid)};
}

Result<Ids> ids_of(std::string_view name, const std::string& passwd_file) {
  std::string_view rest = name;
  const std::string_view first = take_until(rest, ':');
  if (const auto uid = parse_u64(first, kMaxId)) {
    if (first.size() == name.size()) return ids_of(static_cast<uid_t>(*uid), passwd_file);
    const auto gid = parse_u64(rest, kMaxId);
    if (!gid) return Error{ErrorKind::BadInput, "No such user", concat("bad ids ", escaped(name))};
    return Ids{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)};
  }
  auto found = find_entry(
      passwd_file, [&](const std::vector<std::string_view>& fields) { return fields[0] == name; });
  if (!found) found.error().log = concat("user ", escaped(name), ": ", found.error().log);
  return found;
}

}  // namespace dmail::privsep

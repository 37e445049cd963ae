#include "privsep/ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <optional>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "io/owned_fd.h"

namespace dmail::privsep {
namespace {

constexpr uint64_t kMaxId = 0xfffffffe;  // (uid_t)-1 means "no change" to the system

using Fields = std::vector<std::string_view>;

std::optional<Ids> ids_in(const Fields& fields) {
  const auto uid = parse_u64(fields[2], kMaxId);
  const auto gid = parse_u64(fields[3], kMaxId);
  if (!uid || !gid) return std::nullopt;
  return Ids{static_cast<uid_t>(*uid), static_cast<gid_t>(*gid)};
}

// Entry by entry until `take` says that it has seen enough, read in blocks up to there only: system
// users stand at the top of a file that can be long.
template <typename Take>
Status each_entry(const std::string& path, Take take) {
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
      if (!skipping && fields.size() == 7)
        if (const auto ids = ids_in(fields); ids && take(fields, *ids)) return {};
      skipping = false;
      rest.remove_prefix(end + 1);
    }
    text = std::string(rest);
    if (text.size() > kMaxPasswdLine) {
      text.clear();
      skipping = true;
    }
    if (n == 0) return {};
  }
}

// One account that is looked for while the file goes by.
class Sought {
 public:
  explicit Sought(uid_t uid) : uid_(uid), found_(Ids{uid, static_cast<gid_t>(uid)}) {}
  Sought(std::string_view name, const std::string& path)
      : name_(name),
        found_(Error{ErrorKind::NotFound, "No such user",
                     concat("user ", escaped(name), ": no such user in ", path)}) {
    std::string_view rest = name;
    const std::string_view first = take_until(rest, ':');
    const auto uid = parse_u64(first, kMaxId);
    if (!uid) return;
    uid_ = static_cast<uid_t>(*uid);
    found_ = Ids{*uid_, static_cast<gid_t>(*uid_)};
    if (first.size() == name.size()) return;
    looking_ = false;
    const auto gid = parse_u64(rest, kMaxId);
    if (gid)
      found_ = Ids{*uid_, static_cast<gid_t>(*gid)};
    else
      found_ = Error{ErrorKind::BadInput, "No such user", concat("bad ids ", escaped(name))};
  }
  [[nodiscard]] bool looking() const { return looking_; }
  void look_at(const Fields& fields, Ids ids) {
    if (!looking_ || !(uid_ ? *uid_ == ids.uid : fields[0] == name_)) return;
    found_ = ids;
    looking_ = false;
  }
  void unreadable(const Error& error) {
    if (looking_) found_ = error;
  }
  Result<Ids>& found() { return found_; }

 private:
  std::string_view name_;
  std::optional<uid_t> uid_;
  Result<Ids> found_;
  bool looking_ = true;
};

void look_for(std::initializer_list<Sought*> all, const std::string& path) {
  const auto looking = [&] {
    return std::any_of(all.begin(), all.end(), [](const Sought* s) { return s->looking(); });
  };
  if (!looking()) return;
  const Status read = each_entry(path, [&](const Fields& fields, Ids ids) {
    for (Sought* sought : all) sought->look_at(fields, ids);
    return !looking();
  });
  if (read) return;
  for (Sought* sought : all) sought->unreadable(read.error());
}

}  // namespace

Result<Ids> ids_of(uid_t uid, const std::string& passwd_file) {
  Sought sought(uid);
  look_for({&sought}, passwd_file);
  return std::move(sought.found());
}

Result<Ids> ids_of(std::string_view name, const std::string& passwd_file) {
  Sought sought(name, passwd_file);
  look_for({&sought}, passwd_file);
  return std::move(sought.found());
}

TwoIds ids_of_two(std::string_view first, std::string_view second, const std::string& passwd_file) {
  Sought one(first, passwd_file), other(second, passwd_file);
  look_for({&one, &other}, passwd_file);
  return {std::move(one.found()), std::move(other.found())};
}

}  // namespace dmail::privsep

#include "privsep/places.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "account/address_list.h"
#include "base/text.h"
#include "io/file.h"
#include "privsep/address_key.h"
#include "privsep/remote.h"

namespace dmail::privsep {
namespace {

constexpr uint64_t kMaxPlaces = 1u << 20;  // of one key; above the settings' bounds

// work_path belongs to the mail user, who must not be able to hand us a directory of his own.
Result<OwnedFd> open_directory_of_places(const std::string& work_path) {
  const std::string path = concat(work_path, "/places");
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error(concat("mkdir ", path), errno);
  auto directory = open_directory(path);
  if (!directory) return directory;
  auto st = stat_fd(directory->get());
  if (!st) return std::move(st.error());
  if (st->st_uid != ::geteuid() || (st->st_mode & 077) != 0)
    return Error{ErrorKind::NoPermission, "", concat(path, " is not ours alone")};
  return directory;
}

bool lock(int fd, short type, uint64_t at) {
  struct flock f {};
  f.l_type = type;
  f.l_whence = SEEK_SET;
  f.l_start = static_cast<off_t>(at);
  f.l_len = 1;
#ifdef F_OFD_SETLK
  while (::fcntl(fd, F_OFD_SETLK, &f) != 0)
    if (errno != EINTR) return false;
  return true;
#else
  errno = ENOTSUP;
  return false;
#endif
}

// A descriptor, open for reading, whose lock on one of `limit` bytes is the place; an invalid one
// when all are taken.
Result<OwnedFd> take_place(const std::string& work_path, std::string_view key, uint64_t limit) {
  auto directory = open_directory_of_places(work_path);
  if (!directory) return directory;
  const uint64_t hash = spread(key);
  std::string name;
  append_hex(name, hash % kPlaceFiles, 2);
  auto writer = open_file_at(directory->get(), name, O_RDWR | O_CREAT, 0600);
  if (!writer) return writer;
  auto keeper = open_file_at(directory->get(), name, O_RDONLY);
  if (!keeper) return keeper;
  // The 42 bits above the file's own: two keys do not meet in practice.
  const uint64_t base = (hash / kPlaceFiles % (uint64_t{1} << 42)) * kMaxPlaces;
  const uint64_t first = static_cast<uint64_t>(::getpid()) % limit;
  for (uint64_t i = 0; i < limit; ++i) {
    const uint64_t at = base + (first + i) % limit;
    // Alone on the byte first; then both descriptions share it, and ours to keep stays.
    if (!lock(writer->get(), F_WRLCK, at)) {
      if (errno == EAGAIN || errno == EACCES) continue;
      return system_error("lock of a place", errno);
    }
    if (!lock(writer->get(), F_RDLCK, at) || !lock(keeper->get(), F_RDLCK, at))
      return system_error("lock of a place", errno);
    return keeper;
  }
  return OwnedFd();
}

}  // namespace

bool Places::take(std::string_view key, int64_t limit, OwnedFd& into) {
  into.reset();
  auto place = take_place(settings_.work_path, key, static_cast<uint64_t>(limit));
  if (!place) {
    log_.error("places-failed", {{"text", place.error().log}});
    return true;
  }
  into = std::move(*place);
  return into.valid();
}

bool Places::take_address(std::string_view ip) {
  const int64_t limit = settings_.max_connections_per_ip;
  const std::string key = network_key(ip);
  address_.reset();
  if (limit <= 0 || key.empty() || is_trusted_proxy(settings_, ip) ||
      account::addresses_name(settings_.login_delay_exempt, ip))
    return true;
  if (take(concat("ip ", key), limit, address_)) return true;
  log_.info("too-many-connections", {{"ip", ip}, {"limit", limit}});
  return false;
}

bool Places::take_user(std::string_view service, std::string_view user) {
  const int64_t limit = settings_.max_sessions_per_user;
  return limit <= 0 || take(concat(service, ' ', user), limit, user_);
}

bool Places::take_turn(std::string_view ip, OwnedFd& turn) {
  const std::string key = network_key(ip);
  return key.empty() || take(concat("turn ", key), kTurns, turn);
}

void Places::add_to(std::vector<std::pair<int, int>>& descriptors) const {
  if (address_.valid()) descriptors.emplace_back(address_.get(), kAddressPlaceFd);
  if (user_.valid()) descriptors.emplace_back(user_.get(), kUserPlaceFd);
}

}  // namespace dmail::privsep

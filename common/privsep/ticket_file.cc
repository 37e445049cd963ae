#include "privsep/ticket_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "base/text.h"
#include "base/wipe.h"
#include "io/file.h"
#include "io/file_lock.h"
#include "io/ticket_keys.h"

namespace dmail::privsep {
namespace {

constexpr int64_t kLockMs = 2000;  // writing takes milliseconds

struct Found {
  OwnedFd fd;
  std::vector<TicketKey> keys;
  std::string fault;  // what is wrong with a file that is there
  Found() = default;
  Found(Found&&) = default;
  Found& operator=(Found&&) = default;
  ~Found() { wipe_keys(keys); }
};

Found look(const std::string& path) {
  Found out;
  auto fd = open_file(path, O_RDONLY);
  if (!fd) {
    if (fd.error().kind != ErrorKind::NotFound) out.fault = fd.error().log;
    return out;
  }
  auto st = stat_fd(fd->get());
  if (!st || st->st_uid != ::geteuid() || (st->st_mode & 077) != 0 || st->st_nlink != 1) {
    out.fault = "not this user's alone";
    return out;
  }
  std::string bytes(kMaxTicketFile + 1, '\0');
  auto size = read_at(fd->get(), bytes, 0);
  bytes.resize(size ? *size : 0);
  auto keys = ticket_keys_of(bytes);
  wipe(bytes);
  if (!keys) {
    out.fault = keys.error().log;
    return out;
  }
  out.keys = std::move(*keys);
  out.fd = std::move(*fd);
  return out;
}

// Holds the lock while it lives.  Without it two monitors may each put a key in front, and one of
// these is lost: no reason to do without tickets.
struct Turn {
  explicit Turn(const std::string& path) {
    auto opened = open_file(path, O_RDWR | O_CREAT, 0600);
    if (!opened) return;
    file = std::move(*opened);
    auto taken = FileLock::take(file.get(), LockMode::Exclusive, Deadline::in_ms(kLockMs));
    if (taken) lock = std::move(*taken);
  }
  OwnedFd file;
  FileLock lock;
};

}  // namespace

Result<OwnedFd> open_ticket_keys(const std::string& work_path, int64_t now, log::Log& log) {
  const std::string path = concat(work_path, "/tls-tickets");
  if (Found found = look(path); ticket_keys_current(found.keys, now)) return std::move(found.fd);
  const Turn turn(concat(path, ".lock"));
  Found found = look(path);
  if (ticket_keys_current(found.keys, now)) return std::move(found.fd);

  auto next = next_ticket_keys(found.keys, now);
  if (!next) return std::move(next.error());
  std::string bytes = ticket_file_of(*next);
  wipe_keys(*next);
  const Status written = replace_file(path, bytes, 0600);
  wipe(bytes);
  if (!written) return written.error();
  if (!found.fault.empty())
    log.error("ticket-keys-replaced", {{"file", path}, {"text", found.fault}});
  else
    log.info("ticket-keys-made", {{"file", path}, {"first", found.keys.empty()}});
  found = look(path);
  if (!found.fd.valid())
    return Error{ErrorKind::Io, "TLS is not available", concat(path, ": ", found.fault)};
  return std::move(found.fd);
}

}  // namespace dmail::privsep

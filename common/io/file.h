// Files by descriptor: whole reads and writes, durable names.  No call follows a symbolic link in
// the last component.  EINTR is handled here and nowhere else.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail {

// open(2) / openat(2) with O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK-safe: anything but a regular file is
// refused (NoPermission), except with open_directory.  `flags` as for open(2).
Result<OwnedFd> open_file(const std::string& path, int flags, mode_t mode = 0600);
Result<OwnedFd> open_file_at(int directory, const std::string& name, int flags, mode_t mode = 0600);
Result<OwnedFd> open_directory(const std::string& path);

Result<struct stat> stat_fd(int fd);

// Up to into.size() bytes at `offset`; fewer only at the end of the file.
Result<size_t> read_at(int fd, std::span<char> into, uint64_t offset);
// All bytes at `offset`.  On failure some may have been written; the caller truncates.
Status write_at(int fd, std::string_view bytes, uint64_t offset);
Status truncate_to(int fd, uint64_t size);
Status sync_file(int fd);  // fdatasync; a failure is final
// The bytes at [from, to) are with the device before anything that is written later: for what an
// acknowledgment does not rest on.  It costs no flush of the device's own cache, and does not
// withstand a device that brings its cache to the disk in another order.
Status write_out(int fd, uint64_t from, uint64_t to);
Status sync_directory(int directory_fd);      // fsync
Status sync_parent(const std::string& path);  // fsync of the directory that holds `path`

// The whole file, refused (Limit) when it is larger than `max`.
Result<std::string> read_file(const std::string& path, size_t max);
// Writes beside `path`, syncs, renames over it, syncs the directory.
Status replace_file(const std::string& path, std::string_view bytes, mode_t mode = 0600);

// Whether errors of calls on an open descriptor name its file (from /proc/self/fd).  Off at first:
// a jailed process may not ask, and would be killed for it.
void set_names_in_errors(bool on);

// Turns all syncs of this process off (setting `fsync false`) or on.
void set_sync_enabled(bool on);
bool sync_enabled();

}  // namespace dmail

// Locks on a mail file as other mbox agents take them: fcntl on the file (open-file-description
// locks where the system has them, so that closing another descriptor does not drop them), then
// NAME.lock beside it where the directory lets us.
#pragma once

#include <string>

#include "base/result.h"
#include "io/clock.h"

namespace dmail {

enum class LockMode { Shared, Exclusive };

class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock() { release(); }

  // Waits until `deadline` (InUse after it), in turn with others that wait.  `fd` must stay open
  // while the lock is held.
  static Result<FileLock> take(int fd, LockMode mode, Deadline deadline);
  // Exclusive, with the dotlock: `path` + ".lock", made by O_EXCL with our pid and host in
  // it; one of this host whose pid is dead is removed, any other when over `stale_seconds` old with
  // no live pid.  EACCES, EPERM and EROFS on making it
  // mean that fcntl alone protects the file.
  static Result<FileLock> take_with_dotlock(int fd, const std::string& path, Deadline deadline,
                                            int stale_seconds = 120);
  // A directory was renamed: a dotlock below `old_place` is removed below `place` in the end.
  void directory_moved(const std::string& old_place, const std::string& place);
  void release_dotlock();  // the rest is still held
  [[nodiscard]] bool held() const { return fd_ >= 0; }
  void release();

 private:
  int fd_ = -1;
  std::string dotlock_;
};

}  // namespace dmail

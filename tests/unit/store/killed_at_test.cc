#include "killed_at.h"

#include <sys/syscall.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "mail_file_fixture.h"

int calls_left = -1;
int failing_call = 0;
bool no_fallocate = false;

namespace {

// True when the call shall fail; does not return when the process shall die.  `half` is done
// before.
template <typename Half>
bool step(Half half) {
  if (calls_left < 0 || calls_left-- > 0) return false;
  if (failing_call != 0) {
    errno = failing_call;
    return true;
  }
  half();
  ::syscall(SYS_exit_group, 99);
  return true;
}

}  // namespace

extern "C" {
ssize_t pwrite(int fd, const void* p, size_t n, off_t at) {
  if (step([&] { ::syscall(SYS_pwrite64, fd, p, n / 2, at); })) return -1;
  return ::syscall(SYS_pwrite64, fd, p, n, at);
}
int ftruncate(int fd, off_t size) noexcept {
  return step([] {}) ? -1 : static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}
int fallocate(int fd, int mode, off_t at, off_t n) {
  if (no_fallocate) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return step([] {}) ? -1 : static_cast<int>(::syscall(SYS_fallocate, fd, mode, at, n));
}
int unlink(const char* path) noexcept {
  return step([] {}) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
int rename(const char* from, const char* to) noexcept {
  return step([] {}) ? -1
                     : static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int fdatasync(int fd) {
  return step([] {}) ? -1 : static_cast<int>(::syscall(SYS_fdatasync, fd));
}
}

TEST_CASE("killed_at: dies at each call, and half way through a write") {
  for (int n = 0; n <= 3; ++n) {
    dmail::store::MailDir m("");
    const bool done = killed_at(n, [&] {
      (void)!::pwrite(m.fd.get(), "abcd", 4, 0);
      (void)!::fdatasync(m.fd.get());
      (void)!::ftruncate(m.fd.get(), 1);
    });
    CHECK(done == (n == 3));
    CHECK(m.bytes() == (n == 0 ? "ab" : n == 3 ? "a" : "abcd"));
  }
}

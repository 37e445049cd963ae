// The ledger that was removed while one waited for its lock is nobody's any more.
#include "store/quota.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "io/file.h"
#include "io/owned_fd.h"

namespace dmail::store {
namespace {

// Waits until a process stands in line for a lock on the file (io/file_lock.cc: behind all bytes).
void wait_for_one_in_line(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct flock l {};
  do {
    ::usleep(1000);
    l = {};
    l.l_type = F_RDLCK;
    l.l_whence = SEEK_SET;
    l.l_start = off_t{1} << 62;
    REQUIRE(::fcntl(fd.get(), F_OFD_GETLK, &l) == 0);
  } while (l.l_type == F_UNLCK);
}

}  // namespace

TEST_CASE("who waited for a ledger that is forgotten meanwhile takes the new one") {
  char name[] = "/tmp/dmail-ledger-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  const std::string dir = name;
  const OwnedFd directory(::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const QuotaLedger ledger(directory.get(), 1000, 60);
  auto held = ledger.hold();
  REQUIRE(held);
  held->set(42);
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) file = entry.path();
  const pid_t other = ::fork();
  if (other == 0) {
    auto got = ledger.hold();
    if (!got) ::_exit(1);
    if (got->used()) ::_exit(2);  // 42 is the sum of what was forgotten
    got->set(7);
    ::_exit(0);
  }
  wait_for_one_in_line(file);
  ledger.forget();
  held = Error{ErrorKind::NotFound, "", ""};  // let go
  int status = -1;
  REQUIRE(::waitpid(other, &status, 0) == other);
  CHECK(status == 0);
  auto after = ledger.hold();
  REQUIRE(after);
  CHECK(after->used() == 7u);
  std::filesystem::remove_all(dir);
}

}  // namespace dmail::store

// Who waits for a lock is not passed by for ever: neither by one who takes it again and again, nor
// by readers that follow one another.  Judged by counts, not by times, so that any machine will do.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/file_lock.h"
#include "io/owned_fd.h"

namespace dmail {
namespace {

constexpr int kTurns = 10;         // those who wait have to get
constexpr int kFarTooMany = 3000;  // that the greedy got meanwhile; without turns it is far more

struct Place {
  char dir[32] = "/tmp/dmail-fair.XXXXXX";
  std::string file;
  // Shared by all processes.
  std::atomic<int>* greedy = static_cast<std::atomic<int>*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::atomic<int>* stop = greedy + 1;

  Place() {
    REQUIRE(::mkdtemp(dir) != nullptr);
    file = std::string(dir) + "/box";
    ::close(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  ~Place() {
    ::munmap(greedy, 4096);
    ::unlink(file.c_str());
    ::rmdir(dir);
  }
  // Holds the lock for a moment, as one that writes a message does.
  bool take_once(int fd, LockMode mode) const {
    auto lock = mode == LockMode::Shared
                    ? FileLock::take(fd, mode, Deadline::in_seconds(600))
                    : FileLock::take_with_dotlock(fd, file, Deadline::in_seconds(600));
    ::usleep(1000);
    return lock.ok();
  }
  // Takes it until `stop`, with no pause; gives up when it got far too many.
  pid_t start_greedy(LockMode mode) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const OwnedFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    while (*stop == 0 && *greedy < kFarTooMany)
      if (take_once(fd.get(), mode)) ++*greedy;
    ::_exit(0);
  }
  pid_t start_patient(LockMode mode, int turns = kTurns) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const OwnedFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    for (int i = 0; i < turns; ++i)
      if (!take_once(fd.get(), mode)) ::_exit(1);
    ::_exit(0);
  }
};

bool ended_well(pid_t pid) {
  int status = -1;
  return ::waitpid(pid, &status, 0) == pid && status == 0;
}

void race(LockMode greedy, int how_many, LockMode patient) {
  const Place place;
  std::vector<pid_t> greedy_ones, patient_ones;
  for (int i = 0; i < how_many; ++i) greedy_ones.push_back(place.start_greedy(greedy));
  while (*place.greedy < how_many) ::usleep(1000);  // they are at it
  for (int i = 0; i < 3; ++i) patient_ones.push_back(place.start_patient(patient));
  for (const pid_t pid : patient_ones) CHECK(ended_well(pid));
  const int got = *place.greedy;
  *place.stop = 1;
  for (const pid_t pid : greedy_ones) CHECK(ended_well(pid));
  INFO("the greedy got it " << got << " times");
  CHECK(got < kFarTooMany);
}

}  // namespace

TEST_CASE("a writer that takes the lock again and again does not starve other writers") {
  race(LockMode::Exclusive, 1, LockMode::Exclusive);
}

TEST_CASE("nor readers") { race(LockMode::Exclusive, 1, LockMode::Shared); }

TEST_CASE("readers that follow one another do not starve a writer") {
  race(LockMode::Shared, 4, LockMode::Exclusive);
}

TEST_CASE("who has the turn and is stopped does not stop the others") {
  const Place place;
  const OwnedFd fd(::open(place.file.c_str(), O_RDWR | O_CLOEXEC));
  auto held = FileLock::take(fd.get(), LockMode::Exclusive, Deadline::in_seconds(60));
  REQUIRE(held.ok());
  const pid_t first = place.start_patient(LockMode::Exclusive);
  struct flock l {};
  do {  // until it has the turn, which stands behind all mail
    ::usleep(1000);
    l = {};
    l.l_type = F_RDLCK;
    l.l_whence = SEEK_SET;
    l.l_start = off_t{1} << 62;
    REQUIRE(::fcntl(fd.get(), F_OFD_GETLK, &l) == 0);
  } while (l.l_type == F_UNLCK);
  ::kill(first, SIGSTOP);
  int status = 0;
  ::waitpid(first, &status, WUNTRACED);
  held->release();
  const pid_t second = place.start_patient(LockMode::Exclusive, 2);
  CHECK(ended_well(second));
  ::kill(first, SIGCONT);
  CHECK(ended_well(first));
}

TEST_CASE("a file that can only be read is waited for, too") {
  const Place place;
  const OwnedFd writer(::open(place.file.c_str(), O_RDWR | O_CLOEXEC));
  const OwnedFd reader(::open(place.file.c_str(), O_RDONLY | O_CLOEXEC));
  auto held = FileLock::take(writer.get(), LockMode::Exclusive, Deadline::in_seconds(60));
  REQUIRE(held.ok());
  CHECK_FALSE(FileLock::take(reader.get(), LockMode::Shared, Deadline::in_ms(50)).ok());
  const pid_t pid = ::fork();
  if (pid == 0) {
    const OwnedFd fd(::open(place.file.c_str(), O_RDONLY | O_CLOEXEC));
    ++*place.greedy;
    ::_exit(FileLock::take(fd.get(), LockMode::Shared, Deadline::in_seconds(60)).ok() ? 0 : 1);
  }
  while (*place.greedy == 0) ::usleep(1000);
  ::usleep(20000);  // likely it waits by now; if not, it is let in at once
  held->release();
  CHECK(ended_well(pid));
}

}  // namespace dmail

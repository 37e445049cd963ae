// A message that does not fit on the disk leaves the file as it was, at once: not only when the
// next one looks.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "mail_file_fixture.h"

namespace dmail::store {
namespace {

// No file may grow over `octets` while this lives: writing fails in the middle, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(uint64_t octets) : old_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_) == 0);
    const rlimit now{octets, old_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_signal_);
  }

 private:
  rlimit old_{};
  void (*old_signal_)(int);
};

}  // namespace

TEST_CASE("an mbox file has its old length as soon as an append has failed") {
  MailDir dir;
  REQUIRE(dir.append({"Subject: one\r\n\r\nbody\r\n"}));
  const std::string before = dir.bytes();
  Status done;
  {
    const FullDisk disk(before.size() + 3000);
    done = dir.append({"Subject: large\r\n\r\n" + std::string(100000, 'x') + "\r\n"});
  }
  CHECK_FALSE(done);
  CHECK(dir.bytes() == before);
}

}  // namespace dmail::store

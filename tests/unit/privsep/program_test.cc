// Programs that are started as a user, whose other processes may be in the way.
#include "privsep/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "io/clock.h"

using namespace dmail;
using namespace dmail::privsep;

namespace {

// A program of its own, which an ordinary user may run.
struct Program {
  std::string directory = "/tmp/dmail-program-XXXXXX";
  ProgramPlan plan;
  Program() {
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    ::chmod(directory.c_str(), 0755);
    plan.program = directory + "/program";
    std::filesystem::copy_file("/bin/true", plan.program);
    ::chmod(plan.program.c_str(), 0755);
    plan.arguments = {"program"};
    plan.descriptors = {{2, 2}};
    plan.ids = ::geteuid() == 0 ? Ids{65534, 65534} : Ids{::getuid(), ::getgid()};
  }
  ~Program() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
};

}  // namespace

TEST_CASE("a program is started") {
  Program p;
  const auto pid = start_as(p.plan);
  REQUIRE(pid);
  int status = -1;
  REQUIRE(::waitpid(*pid, &status, 0) == *pid);
  CHECK(WIFEXITED(status));
  p.plan.program += "-not-there";
  CHECK_FALSE(start_as(p.plan));
}

TEST_CASE("a child that does not come to its exec is not waited for without end") {
  Program p;
  // The lease stops the exec as a signal of the user's does, for 45 seconds.
  ::signal(SIGIO, SIG_IGN);
  const int lease = ::open(p.plan.program.c_str(), O_RDONLY | O_CLOEXEC);
  if (::fcntl(lease, F_SETLEASE, F_WRLCK) != 0) {
    ::close(lease);
    WARN("this file system has no leases");
    return;
  }
  p.plan.start_ms = 200;
  const int64_t began = monotonic_ms();
  const auto pid = start_as(p.plan);
  CHECK(monotonic_ms() - began < 20000);
  REQUIRE_FALSE(pid);
  CHECK(pid.error().kind == ErrorKind::TryLater);
  CHECK(pid.error().log.find("did not start within 200 ms") != std::string::npos);
  CHECK(::waitpid(-1, nullptr, WNOHANG) < 0);
  ::close(lease);
}

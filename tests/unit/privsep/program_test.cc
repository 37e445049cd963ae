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

TEST_CASE("a module does not choose among the system's ids") {
  if (::geteuid() != 0) {
    account::Account mine;
    mine.uid = 7;
    CHECK(ids_for_account(mine, true, conf::Settings())->uid == ::getuid());
    return;
  }
  char passwd[] = "/tmp/dmail-passwd-XXXXXX";
  const int fd = ::mkstemp(passwd);
  const std::string text =
      "mail:x:998:997::/:/x\nold:x:501:500::/:/x\njoe:x:1001:100::/:/x\nann:x:1002:1002::/:/x\n"
      "ops:x:1003:0::/:/x\nmods:x:1004:1004::/:/x\n";
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
  conf::Settings settings;
  settings.mail_user = "mail";
  settings.module_user = "mods";
  settings.authent_method = "external";
  auto ids = [&](int64_t uid, int64_t gid) -> std::string {
    account::Account account;
    account.user = "joe";
    if (uid > 0) account.uid = static_cast<uid_t>(uid);
    if (gid > 0) account.gid = static_cast<gid_t>(gid);
    const auto found = ids_for_account(account, true, settings, passwd);
    return found ? std::to_string(found->uid) + ":" + std::to_string(found->gid)
                 : found.error().log;
  };
  CHECK(ids(0, 0) == "998:997");
  CHECK(ids(1001, 0) == "1001:100");
  CHECK(ids(1001, 100) == "1001:100");
  CHECK(ids(1001, 997) == "1001:997");
  CHECK(ids(1002, 1002) == "1002:1002");
  CHECK(ids(5000, 5000) == "5000:5000");  // of no passwd entry
  CHECK(ids(998, 997) == "998:997");
  for (const int system : {1, 33, 501, 999})
    CHECK(ids(system, 0).find("is below unix_uid_minimum 1000") != std::string::npos);
  for (const int group : {6, 42, 1002, 5000})
    CHECK(ids(1001, group).find("add it to account_gids") != std::string::npos);
  CHECK(ids(5000, 42).find("account_gids") != std::string::npos);
  CHECK(ids(1004, 0) == "uid 1004 is module_user's, which runs no session (account joe)");
  CHECK(ids(1004, 1004).find("module_user") != std::string::npos);
  CHECK(ids(998, 42).find("account_gids") != std::string::npos);
  CHECK(ids(1003, 0).find("the account's ids are root's") != std::string::npos);
  settings.account_gids = {"8 42"};
  CHECK(ids(1001, 42) == "1001:42");
  settings.unix_uid_minimum = 500;
  CHECK(ids(501, 500) == "501:500");
  settings.authent_method = "unix_user";
  CHECK(ids(1001, 6) == "1001:6");
  CHECK(ids(1004, 1004).find("module_user") != std::string::npos);
  ::unlink(passwd);
}

// F04, F05, F16 of the catalogue of attacks: what a user may have put where his mail is to be.
#include "privsep/user_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/text.h"
#include "io/file.h"
#include "privsep/drop.h"

namespace dmail::privsep {
namespace {

// As root the owner is another user; else everything is ours.
struct Spool {
  Spool() {
    REQUIRE(::mkdtemp(base.data()) != nullptr);
    REQUIRE(::chmod(base.c_str(), 0755) == 0);
    owner = is_root() ? Ids{12345, 12346} : Ids{::getuid(), ::getgid()};
    account.drop_file = base + "/g/joe";
    account.folders = base + "/g/joe.mbx";
    account.directories = {base + "/g"};
    old_umask = ::umask(077);
  }
  ~Spool() {
    ::umask(old_umask);
    const std::string command = concat("rm -rf ", base);
    CHECK(std::system(command.c_str()) == 0);
  }
  Status prepare() { return prepare_mail({base, &account, owner, {}}); }
  [[nodiscard]] struct stat look(const std::string& path) const {
    struct stat st {};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    return st;
  }
  void make_file(const std::string& path, mode_t mode, Ids ids, std::string_view text = "x") {
    OwnedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    REQUIRE(write_at(fd.get(), text, 0).ok());
    REQUIRE(::fchmod(fd.get(), mode) == 0);
    if (is_root()) REQUIRE(::fchown(fd.get(), ids.uid, ids.gid) == 0);
  }
  std::string base = "/tmp/spool-XXXXXX";
  account::Account account;
  Ids owner;
  mode_t old_umask = 0;
};

}  // namespace

TEST_CASE("user files: made once, with the user's ids, and found again") {
  Spool s;
  REQUIRE(s.prepare().ok());
  const struct stat hash = s.look(s.base + "/g");
  CHECK((hash.st_mode & 07777) == 0711);
  CHECK(hash.st_uid == ::geteuid());
  const struct stat drop = s.look(s.account.drop_file);
  CHECK(S_ISREG(drop.st_mode));
  CHECK((drop.st_mode & 07777) == 0600);
  CHECK(drop.st_uid == s.owner.uid);
  CHECK(drop.st_gid == s.owner.gid);
  const struct stat folders = s.look(s.account.folders);
  CHECK(S_ISDIR(folders.st_mode));
  CHECK((folders.st_mode & 07777) == 0700);
  CHECK(folders.st_uid == s.owner.uid);
  CHECK(s.prepare().ok());
}

TEST_CASE("user files: links, other types, other names and open modes are refused") {
  Spool s;
  REQUIRE(::mkdir((s.base + "/g").c_str(), 0755) == 0);
  REQUIRE(::chmod((s.base + "/g").c_str(), 0755) == 0);
  const std::string& drop = s.account.drop_file;
  SECTION("a symbolic link") { REQUIRE(::symlink("/etc/passwd", drop.c_str()) == 0); }
  SECTION("a dangling link") { REQUIRE(::symlink((s.base + "/new").c_str(), drop.c_str()) == 0); }
  SECTION("a directory") { REQUIRE(::mkdir(drop.c_str(), 0700) == 0); }
  SECTION("a pipe") { REQUIRE(::mkfifo(drop.c_str(), 0600) == 0); }
  SECTION("two names") {
    s.make_file(s.base + "/other", 0600, s.owner);
    REQUIRE(::link((s.base + "/other").c_str(), drop.c_str()) == 0);
  }
  SECTION("writable by anybody") { s.make_file(drop, 0666, s.owner); }
  SECTION("the folder directory is a link") {
    REQUIRE(::symlink("/tmp", s.account.folders.c_str()) == 0);
  }
  SECTION("the folder directory is a file") { s.make_file(s.account.folders, 0600, s.owner); }
  SECTION("a hash directory others can change") {
    REQUIRE(::chmod((s.base + "/g").c_str(), 0777) == 0);
  }
  SECTION("a hash directory that is a link") {
    REQUIRE(::rename((s.base + "/g").c_str(), (s.base + "/h").c_str()) == 0);
    REQUIRE(::symlink("h", (s.base + "/g").c_str()) == 0);
  }
  SECTION("a drop path anybody can change") { REQUIRE(::chmod(s.base.c_str(), 0777) == 0); }
  SECTION("a directory that is not the hashing's is not made") {
    s.account.drop_file = s.base + "/x/joe";
  }
  SECTION("dots") { s.account.drop_file = s.base + "/g/../../joe"; }
  if (is_root()) {
    SECTION("of another user") { s.make_file(drop, 0600, {999, 999}); }
    SECTION("of root, with mail in it") { s.make_file(drop, 0600, {0, 0}); }
    SECTION("a hash directory of another user") {
      REQUIRE(::chown((s.base + "/g").c_str(), 999, 999) == 0);
    }
  }
  const Status done = s.prepare();
  REQUIRE_FALSE(done.ok());
  CHECK_FALSE(done.error().log.empty());
  struct stat st {};
  CHECK(::lstat((s.base + "/new").c_str(), &st) != 0);
}

TEST_CASE("user files: what we made and died before giving away is adopted") {
  if (!is_root()) return;
  Spool s;
  REQUIRE(::mkdir((s.base + "/g").c_str(), 0755) == 0);
  REQUIRE(::chmod((s.base + "/g").c_str(), 0755) == 0);
  s.make_file(s.account.drop_file, 0600, {0, 0}, "");
  REQUIRE(::mkdir(s.account.folders.c_str(), 0700) == 0);
  REQUIRE(s.prepare().ok());
  CHECK(s.look(s.account.drop_file).st_uid == s.owner.uid);
  CHECK(s.look(s.account.folders).st_uid == s.owner.uid);
}

TEST_CASE("user files: folders are made in a mail spool of a group, as Debian's /var/mail") {
  if (!is_root()) return;
  Spool s;
  s.account.drop_file = s.base + "/joe";
  s.account.folders = s.base + "/joe.mbx";
  s.account.directories.clear();
  REQUIRE(::chmod(s.base.c_str(), 02775) == 0);
  REQUIRE(s.prepare().ok());
  CHECK(s.look(s.account.folders).st_uid == s.owner.uid);
  CHECK((s.look(s.account.folders).st_mode & 0777) == 0700);
  // A directory of root with something in it, renamed by one of the group.
  REQUIRE(::rmdir(s.account.folders.c_str()) == 0);
  REQUIRE(::mkdir(s.account.folders.c_str(), 0700) == 0);
  s.make_file(s.account.folders + "/secret", 0600, {0, 0});
  const Status done = s.prepare();
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().log.find("belongs to uid 0") != std::string::npos);
  CHECK(s.look(s.account.folders).st_uid == 0);
}

TEST_CASE("user files: root keeps out of what lies outside the drop path") {
  Spool s;
  s.account.drop_file = s.base + "x/joe";  // beside it, not below
  s.account.folders = s.base + "x/joe.mbx";
  CHECK(s.prepare().ok());
  struct stat st {};
  CHECK(::lstat((s.base + "x").c_str(), &st) != 0);
}

TEST_CASE("user files: nothing is prepared for root") {
  Spool s;
  s.owner = {0, 0};
  CHECK_FALSE(s.prepare().ok());
}

}  // namespace dmail::privsep

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "io/file.h"
#include "io/file_lock.h"
#include "store/folder_names.h"
#include "store_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

std::vector<std::string> names(Store& store) {
  std::vector<std::string> out;
  must(store.list([&](const MailboxEntry& e) {
    out.push_back(e.name + (e.selectable ? "" : " -") + (e.has_children ? " +" : ""));
  }));
  return out;
}

using Names = std::vector<std::string>;

ErrorKind kind_of(const Status& status) {
  REQUIRE_FALSE(status);
  return status.error().kind;
}

}  // namespace

TEST_CASE("mailbox names are checked") {
  CHECK(*valid_mailbox_name("inBox") == "INBOX");
  CHECK(*valid_mailbox_name("inbox/a") == "INBOX/a");
  CHECK(*valid_mailbox_name("Inboxes") == "Inboxes");
  CHECK(*valid_mailbox_name("a b/c&AOQ-") == "a b/c&AOQ-");
  const std::string deep = [] {
    std::string s = "a";
    for (int i = 0; i < 20; ++i) s += "/a";
    return s;
  }();
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string(".."), std::string("a/../b"), std::string(".hidden"), std::string("a/.mbx"),
        std::string("a.lock"), std::string("a\nb"), std::string("a\0b", 3), std::string(201, 'x'),
        std::string("a\x7f"), deep, std::string(1001, 'x')})
    CHECK(valid_mailbox_name(bad).error().kind == ErrorKind::BadInput);
  CHECK(index_file_name("a/b%c") == "a%2Fb%25c");
  const std::string many = std::string(190, 'a') + "/" + std::string(190, 'b');
  CHECK(index_file_name(many + "c").size() <= 230);
  CHECK(index_file_name(many + "c") != index_file_name(many + "d"));
}

TEST_CASE("folders hold mail and folders") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  put(*store, "A", message("in A"));
  auto open = choose(*store, "A");
  must(store->create("A/B/C"));
  must(store->create("A-x"));
  CHECK(names(*store) == Names{"INBOX", "A +", "A-x", "A/B - +", "A/B/C"});
  // A session in A goes on, and what it writes stays in A.
  CHECK(flag(*open, 1, 1, FlagAction::Add, kSeen).changed.size() == 1);
  auto changes = open->sync(true);
  must(changes);
  CHECK_FALSE(changes->gone);
  put(*store, "A", message("two"));
  CHECK(choose(*store, "A")->count() == 2);
  CHECK(choose(*store, "A")->info(1).flags == kSeen);
  must(store->create("A/B"));
  CHECK(names(*store) == Names{"INBOX", "A +", "A-x", "A/B +", "A/B/C"});
  CHECK(kind_of(store->create("A")) == ErrorKind::Exists);
  CHECK(kind_of(store->create("inbox")) == ErrorKind::Exists);
  CHECK(store->select("A/X", false).error().kind == ErrorKind::NotFound);
  CHECK(store->append("Z/Z").error().kind == ErrorKind::NotFound);

  must(store->remove("A"));
  CHECK(names(*store) == Names{"INBOX", "A - +", "A-x", "A/B +", "A/B/C"});
  CHECK(store->select("A", false).error().kind == ErrorKind::NoPermission);
  CHECK(kind_of(store->remove("A")) == ErrorKind::NoPermission);
  CHECK(kind_of(store->remove("INBOX")) == ErrorKind::NoPermission);
  CHECK(kind_of(store->remove("nothing")) == ErrorKind::NotFound);
  must(store->remove("A/B/C"));
  must(store->remove("A/B"));
  must(store->remove("A"));
  CHECK(names(*store) == Names{"INBOX", "A-x"});
  auto entry = store->lookup("A-x");
  must(entry);
  CHECK(entry->selectable);
  CHECK(store->lookup("A").error().kind == ErrorKind::NotFound);
}

TEST_CASE("renaming takes children, indexes and UIDVALIDITY along") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  must(store->create("A/B"));
  put(*store, "A", message("a"));
  put(*store, "A/B", message("b"), kFlagged);
  const uint32_t validity = choose(*store, "A/B")->uid_validity();
  auto open = choose(*store, "A/B");
  must(store->rename("A", "New/Place"));
  CHECK(names(*store) == Names{"INBOX", "New - +", "New/Place +", "New/Place/B"});
  auto box = choose(*store, "New/Place/B");
  CHECK(box->uid_validity() == validity);
  CHECK(box->info(1).flags == kFlagged);
  CHECK(::access((fixture.config.folders + "/.index/New%2FPlace%2FB.idx").c_str(), F_OK) == 0);
  CHECK(::access((fixture.config.folders + "/.index/A%2FB.idx").c_str(), F_OK) != 0);
  // A session that still has it under the old name may read, and is told before it writes.
  CHECK(text_of(*open, 1) == message("b"));
  FlagChange change;
  CHECK(open->change_flags(set_of(1, 1), change).error().kind == ErrorKind::NotFound);
  CHECK(kind_of(store->rename("New", "New/x")) == ErrorKind::BadInput);
  CHECK(kind_of(store->rename("gone", "x")) == ErrorKind::NotFound);
  must(store->create("Z"));
  CHECK(kind_of(store->rename("Z", "New/Place")) == ErrorKind::Exists);
  CHECK(kind_of(store->rename("Z", "INBOX")) == ErrorKind::Exists);
}

TEST_CASE("a folder made again is another one") {
  StoreFixture fixture;
  auto store = fixture.open();
  uint32_t last = 0;
  for (int i = 0; i < 3; ++i) {
    must(store->create("A"));
    put(*store, "A", message("x"));
    const uint32_t now = choose(*store, "A")->uid_validity();
    CHECK(now > last);
    last = now;
    auto open = choose(*store, "A");
    must(store->remove("A"));
    auto changes = open->sync(true);
    must(changes);
    CHECK(changes->gone);
  }
}

TEST_CASE("what is no mailbox is not shown, and links lead nowhere") {
  StoreFixture fixture;
  auto store = fixture.open();
  const std::string& folders = fixture.config.folders;
  std::ofstream(folders + "/notes.txt") << "just text\n";
  std::ofstream(folders + "/old") << "From a@b Sat Jan  3 01:05:34 1998\nSubject: x\n\nbody\n";
  std::ofstream(folders + "/x.lock") << "1\n";
  std::ofstream(folders + "/INBOX") << "From a@b Sat Jan  3 01:05:34 1998\n\nbody\n";
  REQUIRE(::symlink("/etc", (folders + "/etc").c_str()) == 0);
  REQUIRE(::symlink((folders + "/old").c_str(), (folders + "/alias").c_str()) == 0);
  REQUIRE(::mkfifo((folders + "/pipe").c_str(), 0600) == 0);
  CHECK(names(*store) == Names{"INBOX", "old"});
  CHECK_FALSE(store->select("alias", false));
  CHECK_FALSE(store->select("etc/passwd", false));
  CHECK_FALSE(store->status("pipe"));
  CHECK_FALSE(store->select("notes.txt", false));
  CHECK_FALSE(store->lookup("notes.txt"));
}

TEST_CASE("a crash while a folder becomes a directory loses nothing") {
  StoreFixture fixture;
  auto store = fixture.open();
  const std::string& folders = fixture.config.folders;
  must(store->create("A"));
  put(*store, "A", message("kept"));
  // Before the exchange: a directory with a second name of the file.
  REQUIRE(::mkdir((folders + "/.to.A").c_str(), 0700) == 0);
  REQUIRE(::link((folders + "/A").c_str(), (folders + "/.to.A/.mbx").c_str()) == 0);
  CHECK(names(*store) == Names{"INBOX", "A"});
  CHECK(::access((folders + "/.to.A").c_str(), F_OK) != 0);
  must(store->create("A/B"));
  CHECK(names(*store) == Names{"INBOX", "A +", "A/B"});
  // After it: the file still has its second name.
  REQUIRE(::link((folders + "/A/.mbx").c_str(), (folders + "/.to.A").c_str()) == 0);
  CHECK(names(*store) == Names{"INBOX", "A +", "A/B"});
  CHECK(::access((folders + "/.to.A").c_str(), F_OK) != 0);
  // Where links cannot be had: the directory stands ready under its other name.
  REQUIRE(::rename((folders + "/A").c_str(), (folders + "/.to.A").c_str()) == 0);
  CHECK(text_of(*choose(*store, "A"), 1) == message("kept"));
}

TEST_CASE("what another process is making of a folder is left alone until its lock is free") {
  StoreFixture fixture;
  auto store = fixture.open();
  const std::string& folders = fixture.config.folders;
  must(store->create("A"));
  put(*store, "A", message("kept"));
  REQUIRE(::mkdir((folders + "/.to.A").c_str(), 0700) == 0);
  REQUIRE(::link((folders + "/A").c_str(), (folders + "/.to.A/.mbx").c_str()) == 0);
  auto file = open_file(folders + "/.index/lock", O_RDWR | O_CREAT, 0600);
  must(file);
  auto maker = FileLock::take(file->get(), LockMode::Exclusive, Deadline::in_seconds(10));
  must(maker);
  CHECK(names(*store) == Names{"INBOX", "A"});
  CHECK(choose(*store, "A")->count() == 1);
  CHECK(::access((folders + "/.to.A/.mbx").c_str(), F_OK) == 0);
  maker->release();
  CHECK(names(*store) == Names{"INBOX", "A"});
  CHECK(::access((folders + "/.to.A").c_str(), F_OK) != 0);
}

TEST_CASE("subscriptions are kept in order, once each") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->subscribe("b", true));
  must(store->subscribe("a/x", true));
  must(store->subscribe("inbox", true));
  must(store->subscribe("b", true));
  CHECK(*store->subscriptions() == Names{"INBOX", "a/x", "b"});
  must(store->subscribe("b", false));
  must(store->subscribe("never", false));
  CHECK(*fixture.open()->subscriptions() == Names{"INBOX", "a/x"});
  std::ofstream(fixture.config.folders + "/.mailboxlist") << "z\r\n../evil\n\na\na\n";
  CHECK(*store->subscriptions() == Names{"a", "z"});
}

// RENAME and DELETE beside sessions that have the mailboxes open, and what lies beside mail files.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "io/file.h"
#include "io/file_lock.h"
#include "store/folder_names.h"
#include "store_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

bool there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("RENAME to a name that is taken touches nothing beside that mailbox") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  must(store->create("B"));
  must(store->create("C/D"));
  put(*store, "B", message("in B"));
  const std::string index = fixture.config.folders + "/.index/";
  // As another process has it in the middle of a change.
  write(index + "B.journal", "a journal");
  for (const char* name : {"B", "C"}) {
    auto done = store->rename("A", name);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::Exists);
  }
  CHECK(there(index + "B.journal"));
  CHECK(there(index + "B.idx"));
}

TEST_CASE("nothing that lies under a new name is taken for the mailbox that gets it") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A/B"));
  put(*store, "A/B", message("in B"));
  const std::string index = fixture.config.folders + "/.index/";
  for (const char* stray : {"New.state", "New%2FB.journal", "New%2FB.state", "New%2FB.cache"})
    write(index + stray, "of a mailbox that had the name");
  const uint32_t validity = choose(*store, "A/B")->uid_validity();
  must(store->rename("A", "New"));
  for (const char* stray : {"New.state", "New%2FB.journal", "New%2FB.state", "A%2FB.idx"})
    CHECK_FALSE(there(index + stray));
  CHECK(there(index + "New%2FB.idx"));
  auto box = choose(*store, "New/B");
  CHECK(box->uid_validity() == validity);
  CHECK(text_of(*box, 1) == message("in B"));
}

TEST_CASE("indexes of long names follow them") {
  StoreFixture fixture;
  auto store = fixture.open();
  const std::string part(190, 'x');
  must(store->create("A/" + part + "/" + part));
  put(*store, "A/" + part + "/" + part, message("deep"));
  const std::string index = fixture.config.folders + "/.index/";
  must(store->rename("A", "Another"));
  CHECK(there(index + index_file_name("Another/" + part + "/" + part) + ".idx"));
  CHECK_FALSE(there(index + index_file_name("A/" + part + "/" + part) + ".idx"));
}

TEST_CASE("RENAME is refused where a mailbox below would have a name that nobody can say") {
  StoreFixture fixture;
  auto store = fixture.open();
  std::string deep = "A";
  while (valid_mailbox_name("B/" + deep)) deep += "/a";
  REQUIRE(valid_mailbox_name(deep));
  must(store->create(deep));
  auto done = store->rename("A", "B/A");
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::BadInput);
  must(store->lookup(deep));
  must(store->rename("A", "C"));
  must(store->lookup("C" + deep.substr(1)));
}

TEST_CASE("RENAME and DELETE wait for who changes a mailbox, and are refused in the end") {
  StoreFixture fixture;
  fixture.config.lock_seconds = 0;
  auto store = fixture.open();
  must(store->create("A/B"));
  auto file = open_file(fixture.config.folders + "/A/B", O_RDWR);
  must(file);
  {
    auto lock = FileLock::take(file->get(), LockMode::Exclusive, Deadline::in_ms(0));
    must(lock);
    for (const Status& done : {store->rename("A", "New"), store->remove("A/B")}) {
      REQUIRE_FALSE(done);
      CHECK(done.error().kind == ErrorKind::InUse);
    }
    must(store->lookup("A/B"));
    CHECK_FALSE(store->lookup("New"));
  }
  must(store->rename("A", "New"));
  must(store->remove("New/B"));
}

TEST_CASE("a mailbox that was renamed is not copied from, nor changed, under its old name") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  must(store->create("Other"));
  put(*store, "A", message("one"));
  auto box = choose(*store, "A");
  must(fixture.open()->rename("A", "New"));
  for (const bool moves : {false, true}) {
    auto done =
        moves ? box->move(set_of(1, 1), *store, "Other") : box->copy(set_of(1, 1), *store, "Other");
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::NotFound);
  }
  CHECK(choose(*store, "Other")->count() == 0);
  CHECK(choose(*store, "New")->count() == 1);
}

TEST_CASE("more mailboxes than descriptors are not renamed at once, and it is said") {
  StoreFixture fixture;
  auto store = fixture.open();
  for (int i = 0; i < 300; ++i) must(store->create("A/" + std::to_string(i)));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit few{200, 256};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(1);
    auto done = store->rename("A", "New");
    if (done || done.error().kind != ErrorKind::Limit) ::_exit(2);
    if (store->lookup("New") || !store->lookup("A/299")) ::_exit(3);
    for (int i = 0; i < 150; ++i)
      if (!store->remove("A/" + std::to_string(i))) ::_exit(4);
    // The limit that it begins with is not the one that it may have.
    if (!store->rename("A", "New")) ::_exit(5);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(status == 0);
  must(store->lookup("New/299"));
}

TEST_CASE("a dotlock in a directory that is renamed does not stay") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A/B"));
  const std::string mbox = fixture.config.folders + "/A/Old";
  write(mbox, "");
  put(*store, "A/Old", message("one"));
  must(store->rename("A", "New"));
  CHECK(there(fixture.config.folders + "/New/Old"));
  CHECK_FALSE(there(fixture.config.folders + "/New/Old.lock"));
  put(*store, "New/Old", message("two"));
}

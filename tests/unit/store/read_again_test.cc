// Another session writes what is being read: a text read without a lock is read again, and COPY
// keeps it away.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "io/file.h"
#include "io/file_lock.h"
#include "store/message_text.h"
#include "store_fixture.h"

namespace dmail::store {

TEST_CASE("a text that was moved while it was read is read again") {
  StoreFixture fixture;
  auto store = fixture.open();
  // Of one length: where the second stood, the third will stand.
  for (const char* body : {"one", "two", "3rd", "4th"}) put(*store, "INBOX", message(body));
  const auto theirs = choose(*store, "INBOX");
  StoreContext context(fixture.config);
  context.index_path = fixture.config.folders + "/.index";
  context.folders.reset(::open(fixture.config.folders.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  context.index.reset(::open(context.index_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto file = open_file(fixture.config.drop_file, O_RDWR);
  must(file);
  auto box =
      Box::open(context, {"INBOX", fixture.config.drop_file, "INBOX", true}, std::move(*file));
  must(box);
  REQUIRE((*box)->refresh());
  int looks = 0;
  MessageText text(**box);
  const auto read = text.read([&](Record& r) -> Status {
    Index& index = *(*box)->index();
    uint32_t at = 0;
    while (index.record(at, r) && r.uid != 2) ++at;
    REQUIRE(r.uid == 2);
    if (++looks > 1) return {};
    flag(*theirs, 1, 1, FlagAction::Add, kDeleted);
    return theirs->expunge();
  });
  must(read);
  CHECK(*read == message("two"));
  CHECK(looks > 1);
}

TEST_CASE("COPY holds the lock of its source, whichever name comes first") {
  StoreFixture fixture;
  fixture.config.lock_seconds = 0;
  auto store = fixture.open();
  for (const char* name : {"A", "Z"}) {
    must(store->create(name));
    put(*store, name, message(name));
  }
  for (const bool down : {true, false}) {
    const std::string from = down ? "Z" : "A", to = down ? "A" : "Z";
    INFO(from << " to " << to);
    const auto source = choose(*store, from);
    auto file = open_file(fixture.config.folders + "/" + from, O_RDWR);
    must(file);
    auto writer = FileLock::take(file->get(), LockMode::Exclusive, Deadline::in_seconds(10));
    must(writer);
    const auto refused = source->copy(set_of(1, 1), *store, to);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::InUse);
    writer->release();
    must(source->copy(set_of(1, 1), *store, to));
  }
}

TEST_CASE("COPY that waits for its target does not read by what it knew of its source before") {
  StoreFixture fixture;
  auto store = fixture.open();
  // Of one length: where the third stood, the fourth will stand.
  for (const char* body : {"one", "two", "3rd", "4th"}) put(*store, "INBOX", message(body));
  must(store->create("A"));
  const auto source = choose(*store, "INBOX");
  auto target = open_file(fixture.config.folders + "/A", O_RDWR);
  must(target);
  auto lock = FileLock::take(target->get(), LockMode::Exclusive, Deadline::in_seconds(10));
  must(lock);
  bool copied = false;
  std::thread copy([&] { copied = source->copy(set_of(3, 3), *store, "A").ok(); });
  // Who waits first has the turn, which is a lock far behind the mail.
  auto look = open_file(fixture.config.folders + "/A", O_RDWR);
  const auto waits = [&] {
    struct flock turn {};
    turn.l_type = F_WRLCK;
    turn.l_start = off_t{1} << 62;
    return !look || ::fcntl(look->get(), F_OFD_GETLK, &turn) != 0 || turn.l_type != F_UNLCK;
  };
  while (!waits()) ::usleep(1000);
  // Another program takes the second message out.
  std::ifstream in(fixture.config.drop_file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const size_t second = text.find("\nFrom ") + 1, third = text.find("\nFrom ", second) + 1;
  text.erase(second, third - second);
  std::ofstream(fixture.config.drop_file) << text;
  lock->release();
  copy.join();
  CHECK(third > second);
  CHECK(copied);
  const auto box = choose(*store, "A");
  REQUIRE(box->count() == 1);
  CHECK(text_of(*box, 1) == message("3rd"));
}

}  // namespace dmail::store

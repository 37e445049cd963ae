// Another session writes what is being read: a text read without a lock is read again, and COPY
// keeps it away.
#include <fcntl.h>

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

}  // namespace dmail::store

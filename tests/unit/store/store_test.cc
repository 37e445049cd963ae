#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

ErrorKind refusal(Store& store, const std::string& mailbox, const std::string& text) {
  auto appender = store.append(mailbox);
  must(appender);
  must((*appender)->begin({}));
  must((*appender)->write(text));
  must((*appender)->end());
  auto done = (*appender)->commit();
  REQUIRE_FALSE(done);
  return done.error().kind;
}

}  // namespace

TEST_CASE("STATUS says what SELECT would") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  put(*store, "A", message("1"), kSeen);
  put(*store, "A", message("2"));
  put(*store, "A", message("3"), kDeleted);
  auto status = store->status("A");
  must(status);
  CHECK(status->messages == 3);
  CHECK(status->unseen == 2);
  CHECK(status->deleted == 1);
  CHECK(status->recent == 3);
  CHECK(status->uid_next == 4);
  CHECK(status->size == 3 * message("1").size());
  auto box = choose(*store, "A", true);
  CHECK(box->recent() == 3);
  CHECK(choose(*store, "A")->recent() == 3);
  CHECK(store->status("A")->recent == 0);
  CHECK(store->status("A")->uid_validity == box->uid_validity());
  CHECK(store->status("nowhere").error().kind == ErrorKind::NotFound);
  FlagChange change;
  CHECK(box->change_flags(set_of(1, 1), change).error().kind == ErrorKind::NoPermission);
  CHECK(box->expunge().error().kind == ErrorKind::NoPermission);
}

TEST_CASE("line ends become CRLF however the pieces fall") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  const std::string given = "a: b\n\r\n\nx\ry\r\r\nz\n";
  const std::string kept = "a: b\r\n\r\n\r\nx\ry\r\r\nz\r\n";
  for (size_t piece = 1; piece <= given.size(); ++piece) {
    auto appender = store->append("A");
    must(appender);
    must((*appender)->begin({}));
    for (size_t at = 0; at < given.size(); at += piece)
      must((*appender)->write(std::string_view(given).substr(at, piece)));
    must((*appender)->end());
    must((*appender)->commit());
  }
  auto box = choose(*store, "A");
  REQUIRE(box->count() == given.size());
  for (uint32_t n = 1; n <= box->count(); ++n) CHECK(text_of(*box, n) == kept);
}

TEST_CASE("many and large messages go in at once, or not at all") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  auto appender = store->append("A");
  must(appender);
  std::vector<std::string> texts;
  for (int i = 0; i < 12; ++i) {
    texts.push_back(message(std::to_string(i), i == 3 ? 3000000 : 700000));
    must((*appender)->begin({}));
    for (size_t at = 0; at < texts.back().size(); at += 50000)
      must((*appender)->write(std::string_view(texts.back()).substr(at, 50000)));
    must((*appender)->end());
  }
  CHECK(choose(*store, "A")->count() == 0);
  auto done = (*appender)->commit();
  must(done);
  CHECK(done->uids.to_string() == "1:12");
  auto box = choose(*store, "A");
  for (uint32_t n = 1; n <= 12; ++n) CHECK(text_of(*box, n) == texts[n - 1]);
  std::string sent;
  StringSink sink(sent);
  must(box->send(4, 1000000, 1500000, sink));
  CHECK(sent == texts[3].substr(1000000, 1500000));
  appender = store->append("A");
  must((*appender)->begin({}));
  must((*appender)->write("Subject: never\r\n\r\n"));
  appender->reset();
  CHECK(store->status("A")->messages == 12);
}

TEST_CASE("the quota counts everything and is not overshot") {
  StoreFixture fixture;
  const std::string one = message("x", 1000);
  fixture.config.quota_bytes = one.size() * 5;
  auto store = fixture.open();
  must(store->create("A"));
  must(store->create("B"));
  put(*store, "A", one);
  put(*store, "A", one);
  put(*store, "B", one);
  CHECK(store->quota()->used_bytes == one.size() * 3);
  auto a = choose(*store, "A");
  CHECK(a->copy(set_of(1, 2), *store, "B").ok());
  CHECK(store->quota()->used_bytes == one.size() * 5);
  CHECK(refusal(*store, "A", "x") == ErrorKind::OverQuota);
  CHECK(a->copy(set_of(1, 1), *store, "B").error().kind == ErrorKind::OverQuota);
  CHECK(store->status("A")->messages == 2);
  CHECK(store->status("B")->messages == 3);
  flag(*a, 1, 1, FlagAction::Add, kDeleted);
  must(a->expunge());
  CHECK(store->quota()->used_bytes == one.size() * 4);
  put(*store, "B", one);
  must(store->remove("B"));
  CHECK(store->quota()->used_bytes == one.size());
  CHECK(store->quota()->limit_bytes == one.size() * 5);

  // Two processes at the limit: together they get in what fits.
  pid_t pids[3];
  for (pid_t& pid : pids) {
    pid = ::fork();
    if (pid != 0) continue;
    int stored = 0;
    for (int i = 0; i < 5; ++i) {
      auto appender = store->append("A");
      if (!appender || !(*appender)->begin({}) || !(*appender)->write(one) || !(*appender)->end())
        ::_exit(99);
      if ((*appender)->commit()) ++stored;
    }
    ::_exit(stored);
  }
  int stored = 0;
  for (pid_t pid : pids) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    stored += WEXITSTATUS(status);
  }
  CHECK(stored == 4);
  CHECK(store->quota()->used_bytes == one.size() * 5);
}

TEST_CASE("keywords fill up") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  put(*store, "A", message("1"));
  auto box = choose(*store, "A");
  for (int i = 0; i < 30; ++i)
    CHECK_FALSE(flag(*box, 1, 1, FlagAction::Add, 0, {"k" + std::to_string(i)}).keywords_full);
  CHECK(flag(*box, 1, 1, FlagAction::Add, 0, {"more"}).keywords_full);
  CHECK(box->keyword_names().size() == 30);
  CHECK_FALSE(box->accepts_keywords());
  flag(*box, 1, 1, FlagAction::Replace, 0, {"K3"});
  CHECK(box->info(1).keywords == 1u << 3);
}

TEST_CASE("conditional STORE leaves newer messages alone") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  for (int i = 0; i < 3; ++i) put(*store, "A", message("1"));
  auto a = choose(*store, "A");
  const uint64_t before = a->highest_mod_sequence();
  auto b = choose(*store, "A");
  flag(*b, 2, 2, FlagAction::Add, kSeen);
  CHECK(b->highest_mod_sequence() > before);
  FlagChange change;
  change.flags = kFlagged;
  change.unchanged_since = before;
  auto done = a->change_flags(set_of(1, 3), change);
  must(done);
  CHECK(done->changed == std::vector<uint32_t>{1, 3});
  CHECK(done->modified == std::vector<uint32_t>{2});
  CHECK(a->sync(true)->flags == std::vector<uint32_t>{2});
}

TEST_CASE("changes beyond the ring of notes are found, too") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  {
    auto appender = store->append("A");
    for (int i = 0; i < 3000; ++i) {
      must((*appender)->begin({}));
      must((*appender)->write("\r\n"));
      must((*appender)->end());
    }
    must((*appender)->commit());
  }
  auto a = choose(*store, "A");
  auto b = choose(*store, "A");
  UidSet odd;
  for (uint32_t n = 1; n <= 3000; n += 2) odd.add(n);
  FlagChange change;
  change.flags = kDeleted;
  must(a->change_flags(odd, change));
  auto heard = b->sync(true);
  must(heard);
  CHECK(heard->flags.size() == 1500);
  must(a->expunge());
  heard = b->sync(true);
  must(heard);
  CHECK(heard->expunged.size() == 1500);
  CHECK(heard->count == 1500);
  for (uint32_t n = 1; n <= 1500; ++n) REQUIRE(b->uid(n) == n * 2);
  a.reset();
  b.reset();  // tidied up when nobody looks
  auto c = choose(*store, "A");
  CHECK(c->count() == 1500);
  CHECK(c->uid(1500) == 3000);
}

TEST_CASE("renaming INBOX moves its messages") {
  StoreFixture fixture;
  auto store = fixture.open();
  put(*store, "INBOX", message("1"), kSeen);
  put(*store, "INBOX", message("2"));
  must(store->rename("INBOX", "Old/Mail"));
  CHECK(choose(*store, "INBOX")->count() == 0);
  auto box = choose(*store, "Old/Mail");
  CHECK(box->count() == 2);
  CHECK(text_of(*box, 1) == message("1"));
  CHECK(box->info(1).flags == kSeen);
}

TEST_CASE("a watch wakes when another process delivers") {
  for (const bool shared : {false, true}) {
    StoreFixture fixture;
    fixture.config.shared_spool = shared;
    auto store = fixture.open();
    must(store->create("A"));
    auto box = choose(*store, "A");
    CHECK(box->watch_fd() >= 0);
    CHECK_FALSE(wait_readable(box->watch_fd(), Deadline::in_ms(10)));
    put(*store, "A", message("1"));
    REQUIRE(wait_readable(box->watch_fd(), Deadline::in_seconds(60)));
    box->clear_watch();
    CHECK(box->sync(true)->count == 1);
    CHECK(text_of(*box, 1) == message("1"));
    if (!shared) CHECK_FALSE(wait_readable(box->watch_fd(), Deadline::in_ms(10)));
  }
}

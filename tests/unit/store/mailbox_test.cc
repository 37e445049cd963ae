#include <unistd.h>

#include "store_fixture.h"

using namespace dmail;
using namespace dmail::store;

TEST_CASE("messages go in and come out") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  CHECK(put(*store, "Work", message("one")).to_string() == "1");
  CHECK(put(*store, "Work", "Subject: two\n\nline\nline\n", kSeen | kFlagged, {"$Label1"})
            .to_string() == "2");

  auto box = choose(*store, "Work");
  CHECK(box->count() == 2);
  CHECK(box->recent() == 2);
  CHECK(box->uid_next() == 3);
  CHECK(box->first_unseen() == 1);
  CHECK(box->keyword_names() == std::vector<std::string>{"$Label1"});
  CHECK(text_of(*box, 1) == message("one"));
  CHECK(text_of(*box, 2) == "Subject: two\r\n\r\nline\r\nline\r\n");
  const MessageInfo info = box->info(2);
  CHECK(info.uid == 2);
  CHECK(info.flags == (kSeen | kFlagged));
  CHECK(info.keywords == 1);
  CHECK(info.internal_date == 1000000000);
  CHECK(info.zone_minutes == 60);
  CHECK(info.size == 28);
  auto header = box->header(2);
  must(header);
  CHECK(*header == "Subject: two\r\n\r\n");
  std::string sent;
  StringSink sink(sent);
  must(box->send(2, 9, 3, sink));
  CHECK(sent == "two");
  CHECK_FALSE(box->send(2, 20, 9, sink));
  auto envelope = box->envelope(2);
  must(envelope);
  CHECK(envelope->substr(0, 11) == "(NIL \"two\" ");
  auto structure = box->body_structure(1);
  must(structure);
  CHECK(structure->substr(0, 14) == "(\"TEXT\" \"PLAIN");
}

TEST_CASE("two sessions tell each other what they did") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  for (int i = 1; i <= 5; ++i) put(*store, "Work", message(std::to_string(i)));
  auto a = choose(*store, "Work");
  auto b = choose(*store, "Work");
  CHECK(a->recent() == 5);
  CHECK(b->recent() == 0);

  CHECK(flag(*a, 2, 3, FlagAction::Add, kDeleted).changed == std::vector<uint32_t>{2, 3});
  auto own = a->sync(true);
  must(own);
  CHECK(own->flags.empty());
  auto heard = b->sync(false);
  must(heard);
  CHECK(heard->flags == std::vector<uint32_t>{2, 3});
  CHECK(b->info(2).flags == kDeleted);

  must(a->expunge());
  put(*store, "Work", message("6"));
  heard = b->sync(false);
  must(heard);
  CHECK(heard->expunged.empty());
  CHECK(heard->count == 6);
  CHECK(b->info(4).uid == 4);
  heard = b->sync(true);
  must(heard);
  CHECK(heard->expunged == std::vector<uint32_t>{3, 2});
  CHECK(heard->count == 4);
  CHECK(b->info(2).uid == 4);
  CHECK(text_of(*b, 4) == message("6"));
  own = a->sync(true);
  must(own);
  CHECK(own->expunged == std::vector<uint32_t>{3, 2});
  CHECK(own->count == 4);
  CHECK(a->at_or_after(3) == 2);
  CHECK(a->at_or_after(100) == 5);
}

TEST_CASE("an index may go at any time") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  for (int i = 1; i <= 5; ++i)
    put(*store, "Work", message(std::to_string(i)), i % 2 ? kSeen : 0u, {"k" + std::to_string(i)});
  uint32_t validity = 0;
  {
    auto box = choose(*store, "Work");
    validity = box->uid_validity();
    flag(*box, 2, 2, FlagAction::Add, kDeleted);
    must(box->expunge());
    flag(*box, 4, 4, FlagAction::Replace, kAnswered, {"k1"});
  }
  const std::string index = fixture.config.folders + "/.index/Work.idx";
  REQUIRE(::unlink(index.c_str()) == 0);
  auto box = choose(*store, "Work");
  CHECK(box->uid_validity() == validity);
  REQUIRE(box->count() == 4);
  CHECK(box->info(1).uid == 1);
  CHECK(box->info(2).uid == 3);
  CHECK(box->info(3).flags == kAnswered);
  CHECK(box->keyword_names()[static_cast<size_t>(__builtin_ctzll(box->info(3).keywords))] == "k1");
  CHECK(box->uid_next() == 6);
}

TEST_CASE("copies carry flags and are told by UID") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("A"));
  must(store->create("B"));
  for (int i = 1; i <= 3; ++i) put(*store, "A", message(std::to_string(i)), kSeen, {"word"});
  put(*store, "B", message("there"));
  auto a = choose(*store, "A");
  auto copied = a->copy(set_of(2, 3), *store, "B");
  must(copied);
  CHECK(copied->from == std::vector<uint32_t>{2, 3});
  CHECK(copied->to == std::vector<uint32_t>{2, 3});
  auto b = choose(*store, "B");
  CHECK(text_of(*b, 3) == message("3"));
  CHECK(b->info(3).flags == kSeen);
  CHECK(b->keyword_names() == std::vector<std::string>{"word"});
  CHECK(a->copy(set_of(1, 1), *store, "Nowhere").error().kind == ErrorKind::NotFound);
  // Into itself.
  copied = a->copy(set_of(1, 3), *store, "A");
  must(copied);
  auto more = a->sync(true);
  must(more);
  CHECK(more->count == 6);
  CHECK(text_of(*a, 6) == message("3"));
}

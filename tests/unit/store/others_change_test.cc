// What another process does to a mailbox while a session of ours copies from it or sends a text.
#include <fcntl.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "io/byte_sink.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "store/index_format.h"
#include "store_fixture.h"

namespace dmail::store {
namespace {

// Cuts the mail file once the first bytes have gone out.
class CuttingSink : public ByteSink {
 public:
  explicit CuttingSink(std::string path) : path_(std::move(path)) {}
  void write(std::string_view bytes) override {
    if (taken == 0) {
      auto file = open_file(path_, O_RDWR);
      must(file);
      REQUIRE(truncate_to(file->get(), 100));
    }
    taken += bytes.size();
  }
  uint64_t taken = 0;

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a large message that is lost half sent ends the connection: no reply could say it") {
  StoreFixture fixture;
  auto store = fixture.open();
  put(*store, "INBOX", message("large", 5 << 20));
  const auto box = choose(*store, "INBOX");
  const uint64_t size = box->info(1).size;
  CuttingSink sink(fixture.config.drop_file);
  CHECK_THROWS_AS(box->send(1, 0, size, sink), ConnectionOver);
  CHECK(sink.taken > 0);
  CHECK(sink.taken < size);
}

TEST_CASE("COPY of a message that another session has expunged copies nothing") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  must(store->create("Target"));
  for (const char* mailbox : {"Work", "INBOX"}) {
    INFO(mailbox);
    for (int i = 1; i <= 3; ++i) put(*store, mailbox, message(std::to_string(i)));
    const auto ours = choose(*store, mailbox), theirs = choose(*store, mailbox);
    flag(*theirs, 2, 2, FlagAction::Add, kDeleted);
    must(theirs->expunge());
    const auto copied = ours->copy(set_of(1, 3), *store, "Target");
    REQUIRE_FALSE(copied);
    CHECK(copied.error().kind == ErrorKind::NotFound);
    CHECK(choose(*store, "Target")->count() == 0);
    const auto rest = ours->copy(set_of(3, 3), *store, "Target");
    must(rest);
    CHECK(text_of(*choose(*store, "Target"), 1) == message("3"));
    must(store->remove("Target"));
    must(store->create("Target"));
  }
}

TEST_CASE("more changes than there are notes of, under a clock that was set back, are all told") {
  StoreFixture fixture;
  auto store = fixture.open();
  for (int i = 1; i <= 3; ++i) put(*store, "INBOX", message(std::to_string(i)));
  (void)choose(*store, "INBOX");
  auto index = open_file(fixture.config.folders + "/.index/INBOX.idx", O_RDWR);
  must(index);
  IndexHeader header;
  const std::span<char> bytes(reinterpret_cast<char*>(&header), sizeof header);
  must(read_at(index->get(), bytes, 0));
  REQUIRE(header_check(header) == header.check);
  header.highest_mod_sequence += uint64_t{1} << 50;  // from here on they are one apart
  header.check = header_check(header);
  REQUIRE(write_at(index->get(), {bytes.data(), bytes.size()}, 0));
  const auto ours = choose(*store, "INBOX"), theirs = choose(*store, "INBOX");
  must(ours->sync(true));
  flag(*theirs, 1, 1, FlagAction::Add, kFlagged);  // the very next number
  for (uint32_t i = 0; i <= kRingSize; ++i)
    flag(*theirs, 2, 2, i % 2 == 0 ? FlagAction::Add : FlagAction::Remove, kSeen);
  const auto heard = ours->sync(true);
  must(heard);
  CHECK(heard->flags == std::vector<uint32_t>{1, 2});
}

// Without a block its UID is in the index alone, and that may be gone or of before.
TEST_CASE("the UID of another agent's mail is not given again after the index is lost or old") {
  const auto deliver = [](const std::string& path, const std::string& subject) {
    std::ofstream(path, std::ios::app)
        << "From x@y Sat Nov 21 11:05:22 2026\nSubject: " << subject << "\n\nx\n\n";
  };
  for (const bool old : {false, true}) {
    INFO((old ? "old" : "lost"));
    StoreFixture fixture;
    const std::string& file = fixture.config.drop_file;
    const std::string index = fixture.config.folders + "/.index/INBOX.idx";
    put(*fixture.open(), "INBOX", message("ours"));
    std::filesystem::copy_file(index, fixture.root + "/idx");
    const auto size = std::filesystem::file_size(file);
    deliver(file, "second");
    uint32_t validity = 0;
    {
      const auto store = fixture.open();
      const auto box = choose(*store, "INBOX");
      REQUIRE(box->info(2).uid == 2);
      validity = box->uid_validity();
    }
    std::filesystem::resize_file(file, size);
    deliver(file, "third");
    std::filesystem::remove(index);
    if (old) std::filesystem::copy_file(fixture.root + "/idx", index);
    const auto store = fixture.open();
    const auto box = choose(*store, "INBOX");
    REQUIRE(box->count() == 2);
    CHECK(box->info(1).uid == 1);
    CHECK(box->info(2).uid == 3);
    CHECK(box->uid_validity() == validity);
  }
}

}  // namespace dmail::store

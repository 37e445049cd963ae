// An index that is damaged, of before a crash of the machine, or an older copy: nothing of it comes
// into the mail file or before a client.
#include <catch2/catch.hpp>

#include "mail_file_fixture.h"
#include "store/index_format.h"
#include "store_fixture.h"

namespace dmail::store {
namespace {

std::string index_of(const StoreFixture& fixture) {
  return fixture.config.folders + "/.index/INBOX.idx";
}

}  // namespace

TEST_CASE("names of keywords that are damaged in the index are read from the mail file") {
  StoreFixture fixture;
  auto store = fixture.open();
  put(*store, "INBOX", message("1"), 0, {"Work"});
  CHECK(choose(*store, "INBOX")->keyword_names() == std::vector<std::string>{"Work"});
  auto index = open_file(index_of(fixture), O_RDWR);
  must(index);
  std::string slot(5, '\0');
  must(read_at(index->get(), std::span<char>(slot), kKeywordsAt));
  REQUIRE(slot == "\4Work");
  REQUIRE(write_at(index->get(), "\4Fork", kKeywordsAt));  // a name that could be one
  auto again = fixture.open();
  SECTION("by a session") {}
  SECTION("by a delivery before it") { put(*again, "INBOX", message("2"), 0, {"Work"}); }
  const auto box = choose(*again, "INBOX");
  CHECK(box->keyword_names() == std::vector<std::string>{"Work"});
  CHECK(box->info(1).keywords == 1);
  flag(*box, 1, 1, FlagAction::Add, kSeen);
  const auto mail = read_file(fixture.config.drop_file, 1 << 20);
  must(mail);
  CHECK(mail->find("Work") != std::string::npos);
  CHECK(mail->find("Fork") == std::string::npos);
}

TEST_CASE("a file is not written anew by records that are not whole") {
  MailDir m;
  m.file->expect_whole_records();
  must(m.append({"Subject: one\r\n\r\nx\r\n", "Subject: two\r\n\r\ny\r\n", "three\r\n"}));
  for (Record& r : m.records) r.record_crc = record_check(r);
  m.records[0].form |= kExpunged;
  m.records[0].record_crc = record_check(m.records[0]);
  const std::string before = m.bytes();
  --m.records[2].raw_size;  // a bit of the index
  const Status damaged = m.file->expunge(m.records, m.keywords, m.header);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().kind == ErrorKind::Corrupt);
  CHECK(m.bytes() == before);
  ++m.records[2].raw_size;
  CHECK(m.file->expunge(m.records, m.keywords, m.header));
}

TEST_CASE("a record's check word is over every octet but the cache's place") {
  Record record;
  record.uid = 7;
  record.offset = 123456;
  const uint32_t good = record_check(record);
  for (size_t at = 0; at < offsetof(Record, record_crc); ++at) {
    Record other = record;
    reinterpret_cast<unsigned char*>(&other)[at] ^= 0x10;
    const bool cache = at >= offsetof(Record, cache) && at < offsetof(Record, cache) + 8;
    INFO("octet " << at);
    CHECK((record_check(other) == good) == cache);
  }
}

TEST_CASE("an index of another boot is made again: the crash may have kept half of it") {
  StoreFixture fixture;
  auto store = fixture.open();
  put(*store, "INBOX", message("1"), kSeen);
  (void)choose(*store, "INBOX");
  auto index = open_file(index_of(fixture), O_RDWR);
  must(index);
  IndexHeader header;
  Record record;
  const std::span<char> head(reinterpret_cast<char*>(&header), sizeof header);
  const std::span<char> first(reinterpret_cast<char*>(&record), sizeof record);
  must(read_at(index->get(), head, 0));
  must(read_at(index->get(), first, kRecordsAt));
  REQUIRE(header_check(header) == header.check);
  REQUIRE(record.flags == kSeen);
  // All fits but the boot.
  header.boot_id[0] ^= 1;
  header.check = header_check(header);
  record.flags = kFlagged;
  record.record_crc = record_check(record);
  REQUIRE(write_at(index->get(), {head.data(), head.size()}, 0));
  REQUIRE(write_at(index->get(), {first.data(), first.size()}, kRecordsAt));
  auto again = fixture.open();
  CHECK(choose(*again, "INBOX")->info(1).flags == kSeen);
}

TEST_CASE("an older copy of the index is not taken for one that has only missed an append") {
  StoreFixture fixture;
  auto store = fixture.open();
  put(*store, "INBOX", message("1"));
  put(*store, "INBOX", message("2"));
  (void)choose(*store, "INBOX");
  const auto older = read_file(index_of(fixture), 1 << 20);
  must(older);
  put(*store, "INBOX", message("3"));
  flag(*choose(*store, "INBOX"), 1, 1, FlagAction::Add, kFlagged);
  auto index = open_file(index_of(fixture), O_RDWR);
  must(index);
  REQUIRE(truncate_to(index->get(), 0));
  REQUIRE(write_at(index->get(), *older, 0));
  auto again = fixture.open();
  const auto box = choose(*again, "INBOX");
  REQUIRE(box->count() == 3);
  CHECK(box->info(1).flags == kFlagged);
  CHECK(box->uid(3) == 3);
  CHECK(box->uid_next() == 4);
}

}  // namespace dmail::store

#include "store/index.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "io/file.h"
#include "store/cache_file.h"
#include "store/quota.h"

using namespace dmail;
using namespace dmail::store;

namespace {

struct Place {
  Place() {
    char name[] = "/tmp/dmail-index-XXXXXX";
    root = ::mkdtemp(name);
    directory.reset(::open(root.c_str(), O_RDONLY | O_DIRECTORY));
  }
  ~Place() { std::filesystem::remove_all(root); }
  std::string root;
  OwnedFd directory;
};

std::vector<Record> records(uint32_t count) {
  std::vector<Record> out(count);
  for (uint32_t i = 0; i < count; ++i) {
    out[i].uid = (i + 1) * 2;
    out[i].offset = i * 100;
    out[i].size = i;
  }
  return out;
}

IndexHeader header_for(uint32_t count) {
  IndexHeader h;
  h.uid_validity = 5;
  h.record_count = h.messages = h.first_unseen = count;
  h.next_uid = count * 2 + 1;
  return h;
}

std::unique_ptr<Index> make(const Place& place, uint32_t count, bool copy = false) {
  KeywordTable keywords;
  keywords.add("$Label1");
  keywords.add(std::string(64, 'k'));
  auto index = Index::create(place.directory.get(), "a.idx", copy, header_for(count), keywords,
                             records(count));
  REQUIRE(index);
  return std::move(*index);
}

}  // namespace

TEST_CASE("an index gives back what it was given") {
  for (const bool copy : {false, true}) {
    Place place;
    make(place, 3000, copy);
    auto index = Index::open(place.directory.get(), "a.idx", copy);
    REQUIRE(index);
    const auto h = (*index)->header();
    REQUIRE(h);
    CHECK(h->record_count == 3000);
    Record r;
    REQUIRE((*index)->record(2999, r));
    CHECK(r.uid == 6000);
    CHECK_FALSE((*index)->record(3000, r));
    CHECK((*index)->lower_bound(5, 3000) == 2);
    CHECK((*index)->lower_bound(6000, 3000) == 2999);
    CHECK((*index)->lower_bound(6001, 3000) == 3000);
    CHECK((*index)->keywords().names().size() == 2);
    CHECK((*index)->keywords().names()[1] == std::string(64, 'k'));
  }
}

TEST_CASE("what one writes the others see, beyond what they mapped") {
  for (const bool copy : {false, true}) {
    Place place;
    auto writer = make(place, 10, copy);
    auto reader = Index::open(place.directory.get(), "a.idx", copy);
    REQUIRE(reader);
    auto h = *writer->header();
    std::vector<Record> more = records(30000);
    REQUIRE(writer->write_records(10, std::span(more).subspan(10)));
    h.record_count = h.messages = 30000;
    h.next_uid = 60001;
    REQUIRE(writer->write_note(h, {3, 4}));
    REQUIRE(writer->write_header(h));
    const auto seen = (*reader)->header();
    REQUIRE(seen);
    CHECK(seen->record_count == 30000);
    Record r;
    REQUIRE((*reader)->record(29999, r));
    CHECK(r.uid == 60000);
    ChangeNote note;
    REQUIRE((*reader)->note(0, note));
    CHECK(note.first == 3);
    CHECK(note.last == 4);
  }
}

TEST_CASE("torn pieces of an index are noticed") {
  Place place;
  const std::string path = place.root + "/a.idx";
  make(place, 50);
  const auto whole = read_file(path, 1 << 20);
  REQUIRE(whole);
  const auto damaged = [&](const std::string& bytes) {
    REQUIRE(replace_file(path, bytes));
    return Index::open(place.directory.get(), "a.idx", false);
  };
  CHECK_FALSE(damaged(""));
  CHECK_FALSE(damaged(whole->substr(0, 5000)));
  CHECK_FALSE(damaged(whole->substr(0, whole->size() - 1)));
  for (size_t i = 0; i < sizeof(IndexHeader); i += 3) {
    std::string bytes = *whole;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    CHECK_FALSE(damaged(bytes));
  }
  std::string bytes = *whole;
  bytes[kRecordsAt + 20 * sizeof(Record)] ^= 1;
  auto index = damaged(bytes);
  REQUIRE(index);
  Record r;
  CHECK_FALSE((*index)->record(20, r));
  CHECK((*index)->record(21, r));
}

TEST_CASE("a scratch copy changes nothing") {
  Place place;
  auto index = make(place, 500);
  auto scratch = index->scratch(500);
  REQUIRE(scratch);
  for (Record& r : scratch->records) r.flags = kSeen;
  Record r;
  REQUIRE(index->record(499, r));
  CHECK(r.flags == 0);
}

TEST_CASE("cache entries are given back whole or not at all") {
  Place place;
  CacheFile cache(place.directory.get(), "a.cache");
  std::string entries;
  append_cache_entry(entries, 5, 1, {"envelope", "body", "structure"});
  const size_t second = entries.size();
  make_cache_entry(entries, 5, 2, "Subject: hello\r\n\r\ntext\r\n");
  CacheTexts texts;
  CHECK_FALSE(cache.read(1, 5, 1, texts));
  auto first = cache.append(entries, 0);
  REQUIRE(first);
  auto again = cache.append(entries, 0);
  REQUIRE(again);
  REQUIRE(cache.read(*first, 5, 1, texts));
  CHECK(texts.envelope == "envelope");
  CHECK(texts.body == "body");
  CHECK(texts.body_structure == "structure");
  REQUIRE(cache.read(*again + second, 5, 2, texts));
  CHECK(texts.envelope.find("\"hello\"") != std::string_view::npos);
  CHECK(cache.memory() > 1000);
  cache.release_memory();
  CHECK(cache.memory() < 100);
  CHECK_FALSE(cache.read(*first, 5, 2, texts));  // another message's
  CHECK_FALSE(cache.read(*first, 6, 1, texts));  // another mailbox's
  CHECK_FALSE(cache.read(*first + 8, 5, 1, texts));
  CHECK_FALSE(cache.read(1u << 30, 5, 1, texts));
  auto bytes = read_file(place.root + "/a.cache", 1 << 20);
  REQUIRE(bytes);
  for (size_t i = 0; i < second; ++i) {
    std::string bad = *bytes;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    REQUIRE(replace_file(place.root + "/a.cache", bad));
    CacheFile other(place.directory.get(), "a.cache");
    if (other.read(*first, 5, 1, texts))
      CHECK(texts.envelope == "envelope");  // a bit of the padding
  }
}

TEST_CASE("the quota ledger is in doubt after a crash and never overshot") {
  Place place;
  const QuotaLedger ledger(place.directory.get(), 1000, 5);
  {
    auto hold = ledger.hold();
    REQUIRE(hold);
    CHECK_FALSE(hold->used());
    hold->set(900);
  }
  {
    auto hold = ledger.hold();
    REQUIRE(hold);
    CHECK(hold->used() == 900u);
    CHECK(hold->check(100));
    CHECK(hold->check(101).error().kind == ErrorKind::OverQuota);
    REQUIRE(hold->begin());
    hold->finish(-200);
  }
  {
    auto hold = ledger.hold();
    REQUIRE(hold);
    CHECK(hold->used() == 700u);
    REQUIRE(hold->begin());  // and the process dies
  }
  CHECK_FALSE(ledger.hold()->used());
  ledger.hold()->set(5);
  ledger.forget();
  CHECK_FALSE(ledger.hold()->used());
}

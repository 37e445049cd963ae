// Hearing of others' flags when the ring of change notes is too short for all of them.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <string>

#include "store/index.h"
#include "store_fixture.h"

namespace dmail::store {
namespace {

constexpr uint32_t kMany = 560;
constexpr uint32_t kEach = 250;  // separate ranges of one change: below the limit of notes at once

void fill(Store& store, const std::string& mailbox, uint32_t count) {
  auto appender = store.append(mailbox);
  must(appender);
  for (uint32_t i = 0; i < count; ++i) {
    must((*appender)->begin({0, {}, 1000000000, 60, "s@example.com"}));
    must((*appender)->write("Subject: " + std::to_string(i) + "\r\n\r\nbody\r\n"));
    must((*appender)->end());
  }
  must((*appender)->commit());
}

UidSet every_second(uint32_t first, uint32_t count) {
  UidSet set;
  for (uint32_t i = 0; i < count; ++i) set.add(first + 2 * i);
  return set;
}

std::set<uint32_t> heard(Mailbox& box) {
  auto changes = box.sync(true);
  must(changes);
  return {changes->flags.begin(), changes->flags.end()};
}

// The header of the index of "Work", for looking and for changing.
struct Header {
  explicit Header(const StoreFixture& fixture)
      : directory(::open((fixture.config.folders + "/.index").c_str(), O_RDONLY | O_DIRECTORY)) {
    auto opened = Index::open(directory.get(), "Work.idx", false);
    must(opened);
    index = std::move(*opened);
    header = index->header().value();
  }
  OwnedFd directory;
  std::unique_ptr<Index> index;
  IndexHeader header;
};

// What happens the first time that somebody reads the ring in our mapping of the index: the pages
// it lies in cannot be read until then.
char* guarded = nullptr;
int go_on[2], gone_on[2];
volatile sig_atomic_t met = 0;

size_t page() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

void when_read(int, siginfo_t* info, void*) {
  auto* const at = static_cast<char*>(info->si_addr);
  if (at < guarded || at >= guarded + page()) ::abort();
  char word = 1;
  if (::write(go_on[1], &word, 1) != 1 || ::read(gone_on[0], &word, 1) != 1) ::abort();
  met = 1;
  if (::mprotect(guarded, page(), PROT_READ) != 0) ::abort();
}

void guard_ring(const std::string& file) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.ends_with(file) && guarded == nullptr)
      guarded = reinterpret_cast<char*>(std::stoull(line, nullptr, 16)) + page();
  REQUIRE(guarded != nullptr);
  struct sigaction action {};
  action.sa_sigaction = when_read;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND;
  REQUIRE(::sigaction(SIGSEGV, &action, nullptr) == 0);
  REQUIRE(::mprotect(guarded, page(), PROT_NONE) == 0);
}

// A change whose note, some laps after note `n`, is taken for note `n` when only its own check word
// is asked.
struct Alike {
  uint32_t laps = 0;
  ChangeNote note;
};

Alike look_alike(uint64_t n) {
  KeywordTable none;
  std::vector<Record> records(1);
  auto index = Index::in_memory({}, none, records);
  must(index);
  for (uint32_t laps = 5; laps < 20; ++laps) {
    for (uint32_t first = 0; first < kMany / 4; ++first) {
      for (uint32_t last = first; last < kMany / 2; ++last) {
        IndexHeader header;
        header.notes = n + uint64_t{laps} * kRingSize;
        must((*index)->write_note(header, {first, last}));
        ChangeNote out;
        if ((*index)->note(n, out)) return {laps, {first, last}};
      }
    }
  }
  return {};
}

}  // namespace

TEST_CASE("a writer that laps the reader of change notes hides no change") {
  if (page() != 4096) {  // the ring lies on the second page
    WARN("skipped: pages have " << page() << " octets, the test needs 4096");
    return;
  }
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  fill(*store, "Work", kMany);
  REQUIRE(::pipe(go_on) == 0);
  REQUIRE(::pipe(gone_on) == 0);
  auto reader = choose(*store, "Work");
  const uint64_t n = Header(fixture).header.notes;
  REQUIRE(n < 300);  // on the guarded page
  const Alike alike = look_alike(n);
  REQUIRE(alike.laps > 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    auto own = fixture.open();
    auto box = own->select("Work", false);
    FlagChange change;
    char word = 1;
    // Note n: the last message.
    change.flags = kFlagged;
    bool good = box && (*box)->change_flags(set_of(kMany, kMany), change);
    good = good && ::write(gone_on[1], &word, 1) == 1 && ::read(go_on[0], &word, 1) == 1;
    // Laps, up to the note that stands where note n stood, and looks like it.
    for (uint32_t left = alike.laps * kRingSize - 1, round = 0; good && left > 0; ++round) {
      const uint32_t now = std::min(left, kEach);
      change.action = round % 2 == 0 ? FlagAction::Add : FlagAction::Remove;
      change.flags = kDraft;
      good = (*box)->change_flags(every_second(1, now), change).ok();
      left -= now;
    }
    change.action = FlagAction::Add;
    change.flags = kAnswered;
    good = good && (*box)->change_flags(set_of(alike.note.first + 1, alike.note.last + 1), change);
    good = good && ::write(gone_on[1], &word, 1) == 1;
    ::_exit(good ? 0 : 1);
  }
  char word = 0;
  REQUIRE(::read(gone_on[0], &word, 1) == 1);
  guard_ring("/Work.idx");
  std::set<uint32_t> all = heard(*reader);
  REQUIRE(met == 1);  // the writer wrote while the reader stood between header and notes
  int status = -1;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  REQUIRE(status == 0);
  REQUIRE(Header(fixture).header.notes == n + 1 + uint64_t{alike.laps} * kRingSize);
  all.merge(heard(*reader));
  CHECK(all.contains(kMany));
  for (uint32_t number = alike.note.first + 1; number <= alike.note.last + 1; ++number)
    CHECK(all.contains(number));
}

TEST_CASE("with a clock set back, what the ring has no room for is told all the same") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Work"));
  fill(*store, "Work", kMany);
  {
    choose(*store, "Work");  // makes the index
    Header index(fixture);
    index.header.highest_mod_sequence += uint64_t{1} << 50;  // the clock was years ahead
    must(index.index->write_header(index.header));
  }
  auto writer = choose(*store, "Work");
  flag(*writer, 1, 3, FlagAction::Add, kFlagged);  // of the newest mod-sequence the reader knows
  auto reader = choose(*store, "Work");
  CHECK(heard(*reader).empty());
  for (const FlagAction action : {FlagAction::Add, FlagAction::Remove}) {
    FlagChange change;
    change.action = action;
    change.flags = kDraft;
    const uint64_t before = Header(fixture).header.notes;
    const uint64_t known = reader->highest_mod_sequence();
    auto done = writer->change_flags(every_second(4, 270), change);
    must(done);
    REQUIRE(done->changed.size() == 270);
    REQUIRE(Header(fixture).header.notes > before + kRingSize);
    CHECK(heard(*reader) == std::set<uint32_t>(done->changed.begin(), done->changed.end()));
    CHECK(reader->highest_mod_sequence() == known + 1);
  }
}

}  // namespace dmail::store

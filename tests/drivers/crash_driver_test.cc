// Flags of many messages, and the machine that stops before the mail file is on disk: what was
// acknowledged is there again, whichever of the file's sectors had been written.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <random>

#include "base/crc32.h"
#include "driver_fixture.h"
#include "io/file.h"

using namespace dmail;
using namespace dmail::store;

namespace {

constexpr uint32_t kMany = 140;

std::string bytes_of_file(const std::string& path) {
  auto text = read_file(path, 64 << 20);
  must(text);
  return *text;
}

// As the disk may have it: each sector as it was at some moment of `history`, the last one newest.
void crash(const std::string& path, const std::vector<std::string>& history, std::mt19937& random) {
  std::string disk = history.back();
  for (size_t at = 0; at < disk.size(); at += 512)
    disk.replace(at, 512, history[random() % history.size()], at, 512);
  const int fd = ::open(path.c_str(), O_WRONLY);
  REQUIRE(fd >= 0);
  REQUIRE(::pwrite(fd, disk.data(), disk.size(), 0) == static_cast<ssize_t>(disk.size()));
  ::close(fd);
}

// The log was written before another start of the machine.
void other_boot(const std::string& log) {
  std::string bytes = bytes_of_file(log);
  REQUIRE(bytes.size() > 48);
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  const uint32_t crc = crc32(std::string_view(bytes).substr(0, 44));
  std::memcpy(bytes.data() + 44, &crc, sizeof crc);
  std::ofstream(log, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("a crash of the machine loses no acknowledged flag") {
  std::mt19937 random(7);
  for (const Kind& kind : kinds()) {
    for (int round = 0; round < 4; ++round) {
      INFO(kind.label << ", round " << round);
      DriverFixture fixture(kind);
      const std::string log =
          fixture.config.folders + "/.index/" + std::string(kind.mailbox) + ".state";
      std::map<uint32_t, std::string> wanted;
      std::vector<std::string> history;
      {
        auto store = fixture.open();
        for (uint32_t i = 0; i < kMany; ++i)
          put(*store, kind.mailbox, numbered(0, static_cast<int>(i)), 0, {"kept"});
        auto box = choose(*store, kind.mailbox);
        history.push_back(bytes_of_file(fixture.mail_file()));
        flag(*box, 1, kMany, FlagAction::Add, kSeen);
        history.push_back(bytes_of_file(fixture.mail_file()));
        CHECK(std::filesystem::exists(log) == !kind.shared_spool);
        flag(*box, 10, 40, FlagAction::Add, kFlagged);  // few, but the log is there
        history.push_back(bytes_of_file(fixture.mail_file()));
        flag(*box, 1, kMany, FlagAction::Remove, kSeen);  // back to what some of them were
        flag(*box, 5, 5, FlagAction::Replace, kAnswered, {"kept"});
        history.push_back(bytes_of_file(fixture.mail_file()));
        CHECK(std::filesystem::exists(log) == !kind.shared_spool);
        wanted = contents(*box);
      }
      if (kind.shared_spool) continue;
      crash(fixture.mail_file(), history, random);
      other_boot(log);
      if (round % 2 == 0) std::filesystem::remove(fixture.index_file());
      auto store = fixture.open();
      auto box = choose(*store, kind.mailbox);
      if (round % 2 == 0) {
        CHECK(contents(*box) == wanted);
        CHECK_FALSE(std::filesystem::exists(log));
      } else {
        // The index of this boot still fits in size; what it says is what was acknowledged.
        flag(*box, 1, 1, FlagAction::Add, kDraft);
        wanted.begin()->second.replace(0, wanted.begin()->second.find(' '),
                                       std::to_string(box->info(1).flags));
        std::filesystem::remove(fixture.index_file());
        box.reset();
        CHECK(contents(*choose(*store, kind.mailbox)) == wanted);
      }
    }
  }
}

TEST_CASE("the log of flags ends before anything else changes") {
  for (const Kind& kind : kinds()) {
    if (kind.shared_spool) continue;
    INFO(kind.label);
    DriverFixture fixture(kind);
    const std::string log =
        fixture.config.folders + "/.index/" + std::string(kind.mailbox) + ".state";
    auto store = fixture.open();
    for (uint32_t i = 0; i < kMany; ++i) put(*store, kind.mailbox, message("m"));
    auto box = choose(*store, kind.mailbox);
    flag(*box, 1, 100, FlagAction::Add, kSeen);
    CHECK_FALSE(std::filesystem::exists(log));  // not worth one
    flag(*box, 1, kMany, FlagAction::Add, kFlagged);
    CHECK(std::filesystem::exists(log));
    put(*store, kind.mailbox, message("another"));
    CHECK_FALSE(std::filesystem::exists(log));
    flag(*box, 1, kMany, FlagAction::Add, kDeleted);
    CHECK(std::filesystem::exists(log));
    flag(*box, 1, 1, FlagAction::Add, 0, {"new"});  // mbx: the file's header takes the name
    must(box->expunge());
    if (std::string(kind.mailbox) != "Work") CHECK_FALSE(std::filesystem::exists(log));
    box.reset();
    if (std::string(kind.mailbox) != "INBOX") {
      must(store->rename(kind.mailbox, "Moved"));
      CHECK_FALSE(std::filesystem::exists(log));
      CHECK_FALSE(std::filesystem::exists(fixture.config.folders + "/.index/Moved.state"));
      CHECK(choose(*store, "Moved")->count() == 1);
    }
  }
}

TEST_CASE("a log that is not this file's, or is torn, changes nothing") {
  for (const Kind& kind : kinds()) {
    if (kind.shared_spool) continue;
    INFO(kind.label);
    DriverFixture fixture(kind);
    const std::string log =
        fixture.config.folders + "/.index/" + std::string(kind.mailbox) + ".state";
    auto store = fixture.open();
    for (uint32_t i = 0; i < kMany; ++i) put(*store, kind.mailbox, message("m"));
    auto box = choose(*store, kind.mailbox);
    const std::string before = bytes_of_file(fixture.mail_file());
    flag(*box, 1, kMany, FlagAction::Add, kSeen);
    box.reset();
    const std::string good = bytes_of_file(log);
    for (size_t size : {size_t{0}, size_t{5}, size_t{47}, size_t{48}, size_t{52}, good.size() / 2,
                        good.size() - 1}) {
      std::ofstream(fixture.mail_file(), std::ios::binary | std::ios::in) << before;
      std::ofstream(log, std::ios::binary | std::ios::trunc) << good.substr(0, size);
      if (size > 48) other_boot(log);
      std::filesystem::remove(fixture.index_file());
      auto again = fixture.open();
      auto opened = choose(*again, kind.mailbox);
      CHECK(opened->count() == kMany);
      CHECK(opened->info(1).flags == 0);
      CHECK_FALSE(std::filesystem::exists(log));
    }
    std::string other = good;
    other[32] = static_cast<char>(other[32] ^ 1);  // inode
    std::ofstream(log, std::ios::binary | std::ios::trunc) << other;
    other_boot(log);
    std::filesystem::remove(fixture.index_file());
    CHECK(choose(*fixture.open(), kind.mailbox)->info(1).flags == 0);
  }
}

TEST_CASE("a log leaves alone what another program wrote since") {
  for (const Kind& kind : kinds()) {
    if (kind.shared_spool) continue;
    INFO(kind.label);
    DriverFixture fixture(kind);
    const std::string log =
        fixture.config.folders + "/.index/" + std::string(kind.mailbox) + ".state";
    auto store = fixture.open();
    for (uint32_t i = 0; i < kMany; ++i) put(*store, kind.mailbox, message("m"));
    auto box = choose(*store, kind.mailbox);
    flag(*box, 5, 6, FlagAction::Replace, kFlagged);  // what the first change alone does is done
    flag(*box, 5, 6, FlagAction::Replace, 0);
    const std::string before = bytes_of_file(fixture.mail_file());
    flag(*box, 5, 6, FlagAction::Replace, kAnswered);
    const std::string foreign = bytes_of_file(fixture.mail_file());
    flag(*box, 5, 6, FlagAction::Replace, 0);
    REQUIRE(bytes_of_file(fixture.mail_file()) == before);
    flag(*box, 1, kMany, FlagAction::Add, kSeen);
    REQUIRE(std::filesystem::exists(log));
    REQUIRE(foreign.size() == before.size());
    box.reset();
    store.reset();
    // Nothing of ours came to the disk; the other program marked 5 and 6 as answered, in place.
    std::ofstream(fixture.mail_file(), std::ios::binary | std::ios::in) << foreign;
    other_boot(log);
    std::filesystem::remove(fixture.index_file());
    auto again = fixture.open();
    auto opened = choose(*again, kind.mailbox);
    REQUIRE(opened->count() == kMany);
    CHECK(opened->info(4).flags == kSeen);
    CHECK(opened->info(5).flags == kAnswered);
    CHECK(opened->info(6).flags == kAnswered);
    CHECK(opened->info(7).flags == kSeen);
    CHECK_FALSE(std::filesystem::exists(log));
  }
}

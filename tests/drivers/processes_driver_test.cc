// Many processes on one mailbox, and processes killed in the middle, for every kind of mailbox.
#include <poll.h>
#include <signal.h>

#include <random>

#include "driver_fixture.h"
#include "io/clock.h"

using namespace dmail;
using namespace dmail::store;

TEST_CASE("processes side by side agree in the end") {
  const char* asked = std::getenv("DMAIL_DRIVER_SECONDS");
  const int64_t seconds = asked != nullptr ? std::atoi(asked) : 2;
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    const int64_t end = monotonic_ms() + seconds * 1000;
    constexpr int kWriters = 16;
    std::vector<pid_t> pids;
    for (int who = 1; who <= kWriters; ++who) {
      pids.push_back(process([&, who] {
        auto store = fixture.open();
        std::minstd_rand random(static_cast<unsigned>(who));
        auto opened = store->select(kind.mailbox, false);
        if (!opened) return 10;
        auto box = std::move(*opened);
        std::map<uint32_t, std::string> seen;  // texts never change under a UID
        int number = 0;
        while (monotonic_ms() < end) {
          const unsigned dice = random() % 10;
          if (dice < 4) {
            if (!try_put(*store, kind.mailbox, numbered(who, ++number))) return 11;
          } else if (dice < 6 && box->count() > 0) {
            const uint32_t n = 1 + random() % box->count();
            FlagChange change;
            change.flags = dice == 4 ? kSeen : kFlagged;
            change.action = random() % 2 ? FlagAction::Add : FlagAction::Remove;
            if (random() % 4 == 0) change.keywords = {"w" + std::to_string(random() % 5)};
            if (!box->change_flags(set_of(n, n), change)) return 12;
          } else if (dice == 6 && box->count() > 20) {
            FlagChange change;
            change.flags = kDeleted;
            const uint32_t n = 1 + random() % box->count();
            UidSet uid;
            uid.add(box->uid(n));
            if (!box->change_flags(set_of(n, n), change) || !box->expunge(&uid)) return 13;
          } else if (dice < 9 && box->count() > 0) {
            const uint32_t n = 1 + random() % box->count();
            const uint32_t uid = box->uid(n);
            auto text = box->text(n);
            if (!text && text.error().kind != ErrorKind::NotFound) return 14;
            if (text && !text->starts_with("From: p")) return 15;
            if (text && seen.try_emplace(uid, *text).first->second != *text) return 16;
          }
          const uint32_t before = box->count();
          auto changes = box->sync(random() % 2 == 0);
          if (!changes) return 17;
          if (changes->gone || before - changes->expunged.size() != changes->count_before)
            return 18;
          uint32_t last = 0;
          for (uint32_t n = 1; n <= box->count(); ++n) {
            if (box->uid(n) <= last) return 19;
            last = box->uid(n);
          }
        }
        return 0;
      }));
    }
    for (pid_t pid : pids) CHECK(wait_for(pid) == 0);
    auto store = fixture.open();
    auto box = choose(*store, kind.mailbox);
    const auto held = contents(*box);
    CHECK(held.size() == box->count());
    std::set<std::string> texts;
    for (const auto& [uid, text] : held) CHECK(texts.insert(text.substr(text.find('|'))).second);
    auto status = store->status(kind.mailbox);
    must(status);
    uint64_t size = 0;
    uint32_t unseen = 0;
    for (uint32_t n = 1; n <= box->count(); ++n) {
      size += box->info(n).size;
      unseen += box->info(n).flags & kSeen ? 0 : 1;
    }
    CHECK(status->messages == box->count());
    CHECK(status->size == size);
    CHECK(status->unseen == unseen);
    const uint32_t validity = box->uid_validity();
    box.reset();
    ::unlink(fixture.index_file().c_str());
    box = choose(*store, kind.mailbox);
    CHECK(box->uid_validity() == validity);
    const auto again = contents(*box);
    CHECK(again.size() == held.size());
    for (const auto& [uid, text] : held) {
      const auto it = again.find(uid);
      CHECK((it == again.end() ? "gone" : it->second) == text);
    }
  }
}

TEST_CASE("a process killed anywhere loses nothing it was told is kept") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    int acknowledged[2];
    REQUIRE(::pipe(acknowledged) == 0);
    std::vector<std::pair<int, int>> written;
    // Waits at most `ms` for the next message that the process was told is kept.
    const auto hear = [&](int ms) {
      pollfd p{acknowledged[0], POLLIN, 0};
      int told[2];
      if (::poll(&p, 1, ms) != 1) return false;
      REQUIRE(::read(acknowledged[0], told, sizeof told) == sizeof told);
      written.emplace_back(told[0], told[1]);
      return true;
    };
    int64_t change_ms = 4;  // about what one takes on this machine, as it is today
    for (int round = 0; round < 15; ++round) {
      while (hear(0)) continue;  // of the round before
      const pid_t pid = process([&] {
        auto store = fixture.open();
        for (int i = 0;; ++i) {
          if (!try_put(*store, kind.mailbox, numbered(round, i))) return 1;
          const int told[2] = {round, i};
          if (::write(acknowledged[1], told, sizeof told) != sizeof told) return 2;
          auto box = store->select(kind.mailbox, false);
          if (!box) return 3;
          FlagChange change;
          change.flags = i % 2 ? kSeen : kFlagged;
          if (!(*box)->change_flags(set_of((*box)->count(), (*box)->count()), change)) return 4;
        }
      });
      // In one of the changes that follow the first; or else perhaps in the first.
      if (round % 2 == 0) {
        const int64_t began = monotonic_ms();
        REQUIRE(hear(60000));
        change_ms = std::min<int64_t>(monotonic_ms() - began, 100);
      }
      ::usleep(static_cast<useconds_t>(change_ms * 1000 * (1 + round) / 8));
      ::kill(pid, SIGKILL);
      CHECK(wait_for(pid) == 128 + SIGKILL);
    }
    auto store = fixture.open();
    auto box = choose(*store, kind.mailbox);
    std::set<std::string> there;
    for (uint32_t n = 1; n <= box->count(); ++n) there.insert(text_of(*box, n));
    while (hear(0)) continue;
    CHECK(written.size() >= 8);
    for (const auto& [round, i] : written) CHECK(there.contains(numbered(round, i)));
    CHECK(box->count() == there.size());
    ::close(acknowledged[0]);
    ::close(acknowledged[1]);
  }
}

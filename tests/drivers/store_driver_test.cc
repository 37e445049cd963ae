// One suite against every kind of mailbox, through store.h only: a drop file (mbox), a folder in
// mbox form, a folder in mbx form.  Processes are real ones (fork); what they agree on is checked
// at the end.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "../unit/store/store_fixture.h"
#include "io/clock.h"

using namespace dmail;
using namespace dmail::store;

namespace {

struct Kind {
  const char* label;
  const char* mailbox;
  bool mbox_folder;
  bool shared_spool;
};

// All of them, or those whose label DMAIL_DRIVER names a part of.
std::vector<Kind> kinds() {
  std::vector<Kind> out;
  const char* only = std::getenv("DMAIL_DRIVER");
  for (const Kind& kind :
       {Kind{"drop file", "INBOX", false, false}, Kind{"mbx folder", "Work", false, false},
        Kind{"mbox folder", "Old", true, false},
        Kind{"shared spool, drop file", "INBOX", false, true},
        Kind{"shared spool, mbx folder", "Work", false, true}})
    if (only == nullptr || std::string_view(kind.label).find(only) != std::string_view::npos)
      out.push_back(kind);
  return out;
}

struct DriverFixture : StoreFixture {
  explicit DriverFixture(const Kind& kind) : kind_(kind) {
    config.shared_spool = kind.shared_spool;
    auto store = open();
    if (kind.mbox_folder)
      std::ofstream(config.folders + "/" + kind.mailbox).flush();  // an empty file is mbox
    else if (std::string(kind.mailbox) != "INBOX")
      must(store->create(kind.mailbox));
  }
  [[nodiscard]] std::string mail_file() const {
    return std::string(kind_.mailbox) == "INBOX" ? config.drop_file
                                                 : config.folders + "/" + kind_.mailbox;
  }
  [[nodiscard]] std::string index_file() const {
    return config.folders + "/.index/" + kind_.mailbox + ".idx";
  }
  Kind kind_;
};

// What a mailbox holds, by UID.
std::map<uint32_t, std::string> contents(Mailbox& box) {
  std::map<uint32_t, std::string> out;
  for (uint32_t n = 1; n <= box.count(); ++n) {
    const MessageInfo info = box.info(n);
    std::set<std::string> words;  // their order is the index's affair
    for (size_t k = 0; k < box.keyword_names().size(); ++k)
      if (info.keywords >> k & 1) words.insert(box.keyword_names()[k]);
    std::string state = std::to_string(info.flags);
    for (const std::string& word : words) state += " " + word;
    out[info.uid] = state + "|" + text_of(box, n);
  }
  return out;
}

// Runs `work` in a process of its own; its exit code says how it went.
pid_t process(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string numbered(int who, int number) {
  return "From: p" + std::to_string(who) + "@example.com\r\nSubject: m" + std::to_string(number) +
         "\r\n\r\nFrom here on\r\n>From there\r\n" +
         std::string(static_cast<size_t>(number * 37 % 900), 'y') + "\r\n";
}

bool try_put(Store& store, const char* mailbox, const std::string& text) {
  auto appender = store.append(mailbox);
  if (!appender || !(*appender)->begin({}) || !(*appender)->write(text) || !(*appender)->end())
    return false;
  return (*appender)->commit().ok();
}

}  // namespace

TEST_CASE("every kind of mailbox keeps what it is given") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    CHECK(choose(*store, kind.mailbox)->count() == 0);
    std::vector<std::string> texts;
    for (int i = 0; i < 30; ++i) {
      texts.push_back(numbered(0, i));
      put(*store, kind.mailbox, texts.back(), i % 3 == 0 ? kSeen : 0u,
          i % 5 == 0 ? std::vector<std::string>{"five"} : std::vector<std::string>{});
    }
    auto box = choose(*store, kind.mailbox);
    REQUIRE(box->count() == 30);
    for (uint32_t n = 1; n <= 30; ++n) {
      CHECK(text_of(*box, n) == texts[n - 1]);
      CHECK(box->info(n).uid == n);
      CHECK(box->info(n).flags == ((n - 1) % 3 == 0 ? kSeen : 0u));
      CHECK(box->info(n).size == texts[n - 1].size());
      CHECK((box->info(n).keywords != 0) == ((n - 1) % 5 == 0));
      std::string part;
      StringSink sink(part);
      must(box->send(n, 5, 20, sink));
      CHECK(part == texts[n - 1].substr(5, 20));
    }
    flag(*box, 1, 10, FlagAction::Replace, kAnswered | kDeleted, {"other", "words"});
    must(box->expunge());
    auto changes = box->sync(true);
    must(changes);
    CHECK(changes->expunged.size() == 10);
    CHECK(changes->count == 20);
    for (uint32_t n = 1; n <= 20; ++n) CHECK(text_of(*box, n) == texts[n + 9]);
    put(*store, kind.mailbox, texts[0]);
    changes = box->sync(true);
    must(changes);
    CHECK(changes->count == 21);
    CHECK(box->info(21).uid == 31);
    CHECK(text_of(*box, 21) == texts[0]);
    auto status = store->status(kind.mailbox);
    must(status);
    CHECK(status->messages == 21);
    CHECK(status->uid_next == 32);
  }
}

TEST_CASE("UIDs, flags and UIDVALIDITY outlive the index") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    for (int i = 0; i < 12; ++i) put(*store, kind.mailbox, numbered(0, i));
    uint32_t validity = 0, next = 0;
    std::map<uint32_t, std::string> before;
    {
      auto box = choose(*store, kind.mailbox);
      flag(*box, 3, 7, FlagAction::Add, kSeen | kFlagged, {"$Junk", "red"});
      flag(*box, 12, 12, FlagAction::Add, kDeleted);
      flag(*box, 5, 5, FlagAction::Add, kDeleted);
      must(box->expunge());
      must(box->sync(true));
      before = contents(*box);
      validity = box->uid_validity();
      next = box->uid_next();
    }
    for (const char* ending : {".idx", ".cache"})
      ::unlink((fixture.config.folders + "/.index/" + kind.mailbox + ending).c_str());
    auto box = choose(*store, kind.mailbox);
    CHECK(box->uid_validity() == validity);
    CHECK(box->uid_next() == next);
    CHECK(contents(*box) == before);
  }
}

TEST_CASE("a damaged index is never believed") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    for (int i = 0; i < 9; ++i) put(*store, kind.mailbox, numbered(0, i));
    const auto before = contents(*choose(*store, kind.mailbox));
    std::string good;
    {
      std::ifstream in(fixture.index_file(), std::ios::binary);
      good.assign(std::istreambuf_iterator<char>(in), {});
    }
    std::minstd_rand random(7);
    for (int round = 0; round < 60; ++round) {
      std::string bad = good;
      if (round % 4 == 0)
        bad.resize(random() % bad.size());
      else if (round % 4 == 1)
        std::fill_n(bad.begin() + static_cast<long>(random() % (bad.size() - 200)), 200, '\0');
      else if (round % 4 == 2)
        bad[14336 + random() % (bad.size() - 14336)] ^= static_cast<char>(1u << random() % 8);
      else
        bad[random() % 300] ^= static_cast<char>(1u << random() % 8);
      std::ofstream(fixture.index_file(), std::ios::binary | std::ios::trunc) << bad;
      auto box = choose(*store, kind.mailbox);
      for (uint32_t n = 1; n <= box->count(); ++n) {
        auto text = box->text(n);
        if (text) CHECK(before.at(box->uid(n)).ends_with("|" + std::string(*text)));
      }
      // Whatever was shown meanwhile: a new look is right, or says that it is another mailbox.
      box.reset();
      ::unlink(fixture.index_file().c_str());
      CHECK(contents(*choose(*store, kind.mailbox)) == before);
    }
  }
}

TEST_CASE("foreign deliveries are taken as they are") {
  for (const Kind& kind : kinds()) {
    if (std::string(kind.mailbox) == "Work") continue;  // nobody else delivers to mbx
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    const auto deliver = [&](const std::string& word) {
      std::ofstream(fixture.mail_file(), std::ios::app)
          << "From x@example.com Sat Jan  3 01:05:34 1998\nSubject: " << word << "\n\nbody " << word
          << "\n\n";
    };
    deliver("one");
    deliver("two");
    auto box = choose(*store, kind.mailbox);
    REQUIRE(box->count() == 2);
    CHECK(text_of(*box, 1) == "Subject: one\r\n\r\nbody one\r\n");
    const uint32_t validity = box->uid_validity();
    put(*store, kind.mailbox, message("ours"));
    deliver("four");
    auto changes = box->sync(true);
    must(changes);
    CHECK(changes->count == 4);
    CHECK(box->info(4).uid == 4);
    CHECK(text_of(*box, 3) == message("ours"));
    CHECK(text_of(*box, 4) == "Subject: four\r\n\r\nbody four\r\n");
    ::unlink(fixture.index_file().c_str());
    auto again = choose(*store, kind.mailbox);
    CHECK(again->uid_validity() == validity);
    REQUIRE(again->count() == 4);
    for (uint32_t n = 1; n <= 4; ++n) CHECK(again->info(n).uid == n);
    // Flags on messages without room make the file be rewritten; the others still read right.
    flag(*again, 1, 1, FlagAction::Add, kSeen, {"word"});
    CHECK(text_of(*box, 2) == "Subject: two\r\n\r\nbody two\r\n");
    CHECK(text_of(*box, 4) == "Subject: four\r\n\r\nbody four\r\n");
    flag(*again, 2, 2, FlagAction::Add, kDeleted);
    must(again->expunge());
    CHECK(box->text(2).error().kind == ErrorKind::NotFound);
    CHECK(text_of(*box, 3) == message("ours"));
    CHECK(text_of(*box, 4) == "Subject: four\r\n\r\nbody four\r\n");
  }
}

TEST_CASE("a mail file cut short or replaced is noticed") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    for (int i = 0; i < 5; ++i) put(*store, kind.mailbox, numbered(0, i));
    auto box = choose(*store, kind.mailbox);
    struct ::stat st {};
    REQUIRE(::stat(fixture.mail_file().c_str(), &st) == 0);
    REQUIRE(::truncate(fixture.mail_file().c_str(), st.st_size - 20) == 0);
    CHECK(text_of(*box, 2) == numbered(0, 1));
    auto changes = box->sync(true);
    must(changes);
    CHECK(changes->count <= 5);
    CHECK(changes->count >= 4);
    CHECK(text_of(*box, 4) == numbered(0, 3));
    put(*store, kind.mailbox, message("after"));
    changes = box->sync(true);
    must(changes);
    CHECK(text_of(*box, box->count()) == message("after"));
    REQUIRE(::unlink(fixture.mail_file().c_str()) == 0);
    changes = box->sync(true);
    must(changes);
    CHECK(changes->gone);
  }
}

TEST_CASE("a full disk changes nothing") {
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    auto store = fixture.open();
    for (int i = 0; i < 4; ++i) put(*store, kind.mailbox, numbered(0, i));
    const auto before = contents(*choose(*store, kind.mailbox));
    const int code = wait_for(process([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      struct ::stat st {};
      if (::stat(fixture.mail_file().c_str(), &st) != 0) return 1;
      const rlimit limit{static_cast<rlim_t>(std::max<off_t>(st.st_size + 100, 20000)),
                         RLIM_INFINITY};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      auto appender = store->append(kind.mailbox);
      if (!appender || !(*appender)->begin({}) || !(*appender)->write(message("big", 30000)) ||
          !(*appender)->end())
        return 2;
      auto done = (*appender)->commit();
      if (done) return 3;
      if (done.error().kind != ErrorKind::NoSpace) return 4;
      auto box = store->select(kind.mailbox, false);
      return box && (*box)->count() == 4 ? 0 : 5;
    }));
    CHECK(code == 0);
    CHECK(contents(*choose(*store, kind.mailbox)) == before);
    put(*store, kind.mailbox, message("later"));
    CHECK(choose(*store, kind.mailbox)->count() == 5);
  }
}

TEST_CASE("processes side by side agree in the end") {
  const char* asked = std::getenv("DMAIL_DRIVER_SECONDS");
  const int64_t seconds = asked != nullptr ? std::atoi(asked) : 2;
  for (const Kind& kind : kinds()) {
    INFO(kind.label);
    DriverFixture fixture(kind);
    const int64_t end = monotonic_ms() + seconds * 1000;
    constexpr int kWriters = 4;
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
    int written = 0;
    for (int round = 0; round < 15; ++round) {
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
      ::usleep(static_cast<useconds_t>(4000 + round * 1700));
      ::kill(pid, SIGKILL);
      CHECK(wait_for(pid) == 128 + SIGKILL);
    }
    ::fcntl(acknowledged[0], F_SETFL, O_NONBLOCK);
    auto store = fixture.open();
    auto box = choose(*store, kind.mailbox);
    std::set<std::string> there;
    for (uint32_t n = 1; n <= box->count(); ++n) there.insert(text_of(*box, n));
    int told[2];
    while (::read(acknowledged[0], told, sizeof told) == sizeof told) {
      CHECK(there.contains(numbered(told[0], told[1])));
      ++written;
    }
    CHECK(written > 0);
    CHECK(box->count() == there.size());
    ::close(acknowledged[0]);
    ::close(acknowledged[1]);
  }
}

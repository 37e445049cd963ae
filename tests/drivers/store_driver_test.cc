// One suite against every kind of mailbox, through store.h only: a drop file (mbox), a folder in
// mbox form, a folder in mbx form.  Processes are real ones (fork); what they agree on is checked
// at the end.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <random>

#include "driver_fixture.h"

using namespace dmail;
using namespace dmail::store;

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
    auto again = choose(*store, kind.mailbox);
    CHECK(again->uid_validity() == validity);
    REQUIRE(again->count() == 4);
    for (uint32_t n = 1; n <= 4; ++n) CHECK(again->info(n).uid == n);
    // The file says nothing of UIDs but its third message's: without the index nobody knows whether
    // they are what they were.
    {
      DriverFixture other(kind);
      std::filesystem::copy_file(fixture.mail_file(), other.mail_file(),
                                 std::filesystem::copy_options::overwrite_existing);
      auto there = other.open();
      const uint32_t first = choose(*there, kind.mailbox)->uid_validity();
      CHECK(first >= validity);
      ::unlink(other.index_file().c_str());
      CHECK(choose(*there, kind.mailbox)->uid_validity() > first);
    }
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

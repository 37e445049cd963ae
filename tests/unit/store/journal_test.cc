// Rewriting in place, killed before (and in the middle of) every system call that changes a file.
#include "store/rewrite_journal.h"

#include "killed_at.h"

using namespace dmail;
using namespace dmail::store;

namespace {

struct Case {
  const char* name;
  std::string kept, old_tail, new_tail;
};

std::vector<Case> cases() {
  return {{"grow", block('k', 100), block('o', 300000), block('n', 700000)},
          {"grow by one", block('k', 100), block('o', 50), block('n', 51)},
          {"shrink", block('k', 100), block('o', 700000), block('n', 300000)},
          {"shrink a little", block('k', 10), block('o', 60), block('n', 59)},
          {"same size", block('k', 100), block('o', 500), block('n', 500)},
          {"to nothing", block('k', 100), block('o', 500), ""},
          {"whole file", "", "From " + block('o', 500), "From " + block('n', 100)}};
}

void rewrite(MailDir& m, const Case& c) {
  RewriteJournal journal(m.fd.get(), m.journal);
  if (journal.begin(c.kept.size()) && journal.write(c.new_tail)) (void)journal.commit().ok();
}

}  // namespace

TEST_CASE("journal: killed at any call the old or the new file is there, with foreign mail") {
  const int appended_after =
      GENERATE(0, 1, 2);  // nothing; after the crash; after a crash in recovery, too
  const bool without_fallocate = GENERATE(false, true);
  no_fallocate = without_fallocate;
  for (const Case& c : cases()) {
    const std::string before = c.kept + c.old_tail, after = c.kept + c.new_tail;
    for (int n = 0;; ++n) {
      MailDir m(before);
      const bool done = killed_at(n, [&] { rewrite(m, c); });
      if (appended_after > 0) m.add(kDelivered);
      // Recovery dies at every call, too; the last round is left alone.
      for (int k = 0;; ++k) {
        std::string copy = m.bytes();
        const bool recovered = killed_at(k, [&] {
          if (RewriteJournal::exists(m.journal) && !RewriteJournal::recover(m.fd.get(), m.journal))
            ::_exit(1);
        });
        if (recovered) break;
        if (appended_after == 2 && k == 1) m.add(kDelivered);
        if (k > 200) FAIL("recovery never ends");
      }
      CAPTURE(c.name, n, appended_after, without_fallocate);
      CHECK_FALSE(RewriteJournal::exists(m.journal));
      CHECK_FALSE(RewriteJournal::exists(m.journal + ".unused"));
      const std::string now = m.bytes();
      bool good = false;
      for (int times = 0; times <= appended_after; ++times) {
        std::string foreign;
        for (int i = 0; i < times; ++i) foreign += kDelivered;
        const bool expected =
            times == (appended_after > 0 ? 1 : 0) || (appended_after == 2 && times == 2);
        if (expected && (now == after + foreign || (!done && now == before + foreign))) good = true;
      }
      CHECK(good);
      if (done) break;
    }
  }
  no_fallocate = false;
}

TEST_CASE("journal: a full disk or a failing one leaves the old file, or a journal to go on with") {
  for (const int error : {ENOSPC, EIO}) {
    for (const Case& c : cases()) {
      for (int n = 0;; ++n) {
        MailDir m(c.kept + c.old_tail);
        failing_call = error;
        calls_left = n;
        Status done;
        {
          RewriteJournal journal(m.fd.get(), m.journal);
          done = journal.begin(c.kept.size());
          if (done) done = journal.write(c.new_tail);
          if (done) done = journal.commit();
        }
        const bool untouched = calls_left >= 0;
        calls_left = -1;
        failing_call = 0;
        CAPTURE(c.name, n, error);
        if (!RewriteJournal::exists(m.journal) && !done) CHECK(m.bytes() == c.kept + c.old_tail);
        if (done) CHECK(m.bytes() == c.kept + c.new_tail);
        if (!done)
          CHECK(done.error().kind == (error == ENOSPC ? ErrorKind::NoSpace : ErrorKind::Io));
        if (RewriteJournal::exists(m.journal)) {
          REQUIRE(RewriteJournal::recover(m.fd.get(), m.journal));
          const std::string now = m.bytes();
          CHECK((now == c.kept + c.new_tail || now == c.kept + c.old_tail));
        }
        if (untouched) break;
      }
    }
  }
}

TEST_CASE(
    "journal: an incomplete or damaged journal is thrown away, a foreign file is left alone") {
  const Case c = cases()[2];
  MailDir m(c.kept + c.old_tail);
  // Leave a valid journal: die at the first write to the mail file.
  int n = 0;
  while (!RewriteJournal::exists(m.journal) || m.bytes() == c.kept + c.old_tail) {
    ::unlink(m.journal.c_str());
    m.put(c.kept + c.old_tail);
    REQUIRE_FALSE(killed_at(n++, [&] { rewrite(m, c); }));
  }
  const std::string journal = *read_file(m.journal, 1 << 30);
  const auto with_journal = [&](const std::string& bytes, const std::string& mail) {
    m.put(mail);
    REQUIRE(replace_file(m.journal, bytes));
    REQUIRE(RewriteJournal::recover(m.fd.get(), m.journal));
    CHECK_FALSE(RewriteJournal::exists(m.journal));
    return m.bytes();
  };
  const std::string old_file = c.kept + c.old_tail;
  CHECK(with_journal(journal, old_file) == c.kept + c.new_tail);
  for (const size_t size : {0ul, 1ul, 100ul, sizeof(JournalHeader) - 1, 512ul, journal.size() - 1})
    CHECK(with_journal(journal.substr(0, size), old_file) == old_file);
  for (size_t i = 0; i < journal.size(); i += i < sizeof(JournalHeader) ? 1 : 40009) {
    if (i >= sizeof(JournalHeader) && i < RewriteJournal::kTailAt) continue;
    std::string bad = journal;
    bad[i] ^= 1;
    CHECK(with_journal(bad, old_file) == old_file);
  }
  CHECK_FALSE(RewriteJournal::exists(m.journal + ".unused"));
  // Files that somebody else rewrote meanwhile.
  for (const std::string& other :
       {std::string(), std::string("From x\n"), block('z', 800000), c.kept + block('q', 900000)}) {
    CHECK(with_journal(journal, other) == other);
    CHECK(*read_file(m.journal + ".unused", 1 << 30) == journal);
  }
}

// Cutting may be on the disk in part: zeros in any sector behind the new end, but not the new size.
TEST_CASE("journal: a cut that is on the disk sector by sector is finished") {
  constexpr uint64_t kSector = 512;
  for (const size_t left : {size_t{0}, size_t{300}, size_t{1024}}) {
    const std::string old = "From " + block('o', 2500);
    const std::string after = left == 0 ? "" : "From " + block('n', left - 5);
    const Case c{"cut", "", old, after};
    int n = 0;
    std::string journal;
    for (;; ++n) {  // the last journal that is whole before the mail file changes
      MailDir m(old);
      if (killed_at(n, [&] { rewrite(m, c); }) || m.bytes() != old) break;
      if (auto bytes = read_file(m.journal, 1 << 20); bytes) journal = *bytes;
    }
    REQUIRE(journal.size() >= sizeof(JournalHeader));
    const uint64_t first = after.size() / kSector, sectors = (old.size() - 1) / kSector - first + 1;
    for (unsigned lost = 0; lost < 1U << sectors; ++lost) {
      CAPTURE(left, lost);
      std::string bytes = after + old.substr(after.size());
      for (uint64_t i = after.size(); i < bytes.size(); ++i)
        if (lost >> (i / kSector - first) & 1) bytes[i] = '\0';
      MailDir m(bytes);
      REQUIRE(replace_file(m.journal, journal));
      REQUIRE(RewriteJournal::recover(m.fd.get(), m.journal));
      CHECK(m.bytes() == after);
      CHECK_FALSE(RewriteJournal::exists(m.journal + ".unused"));
    }
  }
}

TEST_CASE("journal: one that was left must be recovered first") {
  MailDir m("From x\n");
  REQUIRE(replace_file(m.journal, "anything"));
  CHECK(m.file->needs_recovery());
  {
    RewriteJournal journal(m.fd.get(), m.journal);
    auto begun = journal.begin(0);
    REQUIRE_FALSE(begun.ok());
    CHECK(begun.error().kind == ErrorKind::Exists);
  }
  CHECK(*read_file(m.journal, 100) == "anything");
  REQUIRE(m.file->recover());
  CHECK_FALSE(m.file->needs_recovery());
}

TEST_CASE("mail files: append, flags and expunge killed at any call") {
  const bool mbx = GENERATE(false, true);
  const int what = GENERATE(0, 1, 2);
  const std::vector<std::string> texts = {"a: 1\r\n\r\none\r\n", "a: 2\r\n\r\nFrom two\r\n",
                                          "a: 3\r\n\r\nthree\r\n"};
  for (int n = 0;; ++n) {
    MailDir m(mbx ? MailFile::new_mbx(5) : "");
    REQUIRE(m.load());
    m.header.uid_validity = 5;
    REQUIRE(m.append(texts));
    CAPTURE(mbx, what, n);
    const bool done = killed_at(n, [&] {
      if (what == 0) (void)m.append({"a: 4\r\n\r\nfour\r\n", "five\r\n"}).ok();
      if (what == 1) {
        m.records[1].form |= kExpunged;
        (void)m.file->expunge(m.records, m.keywords, m.header).ok();
      }
      if (what == 2) {
        m.keywords.add(std::string(40, 'k'));
        m.keywords.add(std::string(41, 'k'));
        for (Record& r : m.records) r.flags = kSeen, r.keywords = 3;
        std::vector<Record*> changed = {&m.records[0], &m.records[1], &m.records[2]};
        (void)m.file->write_state(changed, m.records, m.keywords, m.header).ok();
      }
    });
    REQUIRE(m.load());
    const auto now = m.texts();
    std::vector<std::string> all = texts;
    if (what == 0) {
      all.push_back("a: 4\r\n\r\nfour\r\n");
      all.push_back("five\r\n");
      REQUIRE(now.size() >= 3);
      CHECK(std::equal(now.begin(), now.end(), all.begin()));
      if (done) CHECK(now == all);
    } else if (what == 1) {
      const std::vector<std::string> without = {texts[0], texts[2]};
      CHECK((now == without || (!done && now == texts)));
    } else {
      CHECK(now == texts);
      for (const Record& r : m.records)
        if (done) CHECK((r.flags == kSeen && r.keywords == 3));
    }
    if (done) break;
  }
}

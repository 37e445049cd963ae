// Making a mail file shorter on a full disk, killed before every system call that changes a file.
#include "store/shrink_journal.h"

#include "killed_at.h"
#include "store/rewrite_journal.h"

using namespace dmail;
using namespace dmail::store;

namespace {

// The pieces of `old` that are kept from 100 on, and what comes of it.
struct Shrinking {
  const char* name;
  size_t size;
  std::vector<ShrinkJournal::Piece> kept;
};

std::vector<Shrinking> shrinkings() {
  return {{"a small gap before much", 1100, {{300, 1100}}},
          {"a large gap", 5000, {{4000, 5000}}},
          {"several", 1000, {{110, 130}, {140, 200}, {900, 1000}}},
          {"to nothing", 3000, {}}};
}

std::string numbered_bytes(size_t n) {
  std::string out;
  for (size_t i = 0; out.size() < n; ++i) out += std::to_string(i) + "\n";
  out.resize(n);
  return out;
}

std::string shrunk(const std::string& old, const std::vector<ShrinkJournal::Piece>& kept) {
  std::string out = old.substr(0, 100);
  for (const auto& piece : kept) out += old.substr(piece.from, piece.to - piece.from);
  return out;
}

Status recover_any(MailDir& m) {
  if (!RewriteJournal::exists(m.journal)) return {};
  DMAIL_TRY(ShrinkJournal::recover(m.fd.get(), m.journal));
  return RewriteJournal::recover(m.fd.get(), m.journal);
}

}  // namespace

TEST_CASE("shrinking: killed at any call, and in recovery, the old or the new file is there") {
  const int appended = GENERATE(0, 1, 2);  // as above
  for (const Shrinking& c : shrinkings()) {
    const std::string before = numbered_bytes(c.size), after = shrunk(before, c.kept);
    for (int n = 0;; ++n) {
      MailDir m(before);
      const bool done = killed_at(
          n, [&] { (void)ShrinkJournal::shrink(m.fd.get(), m.journal, 100, c.kept).ok(); });
      std::string foreign;
      if (appended > 0) m.add(kDelivered), foreign += kDelivered;
      for (int k = 0;; ++k) {
        const bool recovered = killed_at(k, [&] {
          if (!recover_any(m)) ::_exit(1);
        });
        if (recovered) break;
        if (appended == 2 && k == 1) m.add(kDelivered), foreign += kDelivered;
        if (k > 400) FAIL("recovery never ends");
      }
      CAPTURE(c.name, n, appended);
      CHECK_FALSE(RewriteJournal::exists(m.journal));
      CHECK_FALSE(RewriteJournal::exists(m.journal + ".unused"));
      const std::string now = m.bytes();
      CHECK((now == after + foreign || (!done && now == before + foreign)));
      if (done) break;
    }
  }
}

TEST_CASE("shrinking: a cut that is on the disk sector by sector is finished") {
  constexpr uint64_t kSector = 512;
  for (const Shrinking& c : shrinkings()) {
    const std::string before = numbered_bytes(c.size), after = shrunk(before, c.kept);
    std::string journal, moved;  // as they are before the file is cut
    for (int n = 0;; ++n) {
      MailDir m(before);
      if (killed_at(n,
                    [&] { (void)ShrinkJournal::shrink(m.fd.get(), m.journal, 100, c.kept).ok(); }))
        break;
      if (m.bytes().size() != before.size()) continue;
      if (auto bytes = read_file(m.journal, 1 << 20); bytes) journal = *bytes, moved = m.bytes();
    }
    REQUIRE(moved.substr(0, after.size()) == after);
    const uint64_t first = after.size() / kSector,
                   sectors = (before.size() - 1) / kSector - first + 1;
    for (unsigned lost = 0; lost < 1U << sectors; ++lost) {
      CAPTURE(c.name, lost);
      std::string bytes = moved;
      for (uint64_t i = after.size(); i < bytes.size(); ++i)
        if (lost >> (i / kSector - first) & 1) bytes[i] = '\0';
      MailDir m(bytes);
      REQUIRE(replace_file(m.journal, journal));
      REQUIRE(recover_any(m));
      CHECK(m.bytes() == after);
      CHECK_FALSE(RewriteJournal::exists(m.journal));
      CHECK_FALSE(RewriteJournal::exists(m.journal + ".unused"));
    }
  }
}

TEST_CASE("shrinking: a full or failing disk leaves the old file, or a journal to go on with") {
  for (const int error : {ENOSPC, EIO}) {
    for (const Shrinking& c : shrinkings()) {
      const std::string before = numbered_bytes(c.size), after = shrunk(before, c.kept);
      for (int n = 0;; ++n) {
        MailDir m(before);
        failing_call = error;
        calls_left = n;
        const Status done = ShrinkJournal::shrink(m.fd.get(), m.journal, 100, c.kept);
        const bool untouched = calls_left >= 0;
        calls_left = -1;
        failing_call = 0;
        CAPTURE(c.name, n, error);
        if (done) CHECK(m.bytes() == after);
        if (!done && !RewriteJournal::exists(m.journal)) CHECK(m.bytes() == before);
        REQUIRE(recover_any(m));
        CHECK((m.bytes() == after || m.bytes() == before));
        if (untouched) break;
      }
    }
  }
}

TEST_CASE("shrinking: too many steps are not begun, a foreign file is left alone") {
  const std::string before = numbered_bytes(100 + 2 * ShrinkJournal::kMaxSteps);
  MailDir m(before);
  CHECK_FALSE(ShrinkJournal::shrink(m.fd.get(), m.journal, 100,
                                    std::vector<ShrinkJournal::Piece>{{101, before.size()}}));
  CHECK(m.bytes() == before);
  CHECK_FALSE(RewriteJournal::exists(m.journal));
  const std::vector<ShrinkJournal::Piece> kept{{4000, before.size()}};
  for (const std::string& other :
       {std::string(), block('z', 9000), before.substr(0, 100) + block('q', 9000)}) {
    m.put(before);
    REQUIRE_FALSE(
        killed_at(9, [&] { (void)ShrinkJournal::shrink(m.fd.get(), m.journal, 100, kept).ok(); }));
    REQUIRE(RewriteJournal::exists(m.journal));
    m.put(other);
    REQUIRE(recover_any(m));
    CHECK(m.bytes() == other);
    CHECK_FALSE(RewriteJournal::exists(m.journal));
    CHECK(RewriteJournal::exists(m.journal + ".unused"));
    ::unlink((m.journal + ".unused").c_str());
  }
}

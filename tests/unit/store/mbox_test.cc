#include "mail_file_fixture.h"
#include "store/mbox_from.h"
#include "store/mbox_state.h"

using namespace dmail;
using namespace dmail::store;

namespace {

const std::string kFrom = "From ann@example.org Sat Nov 21 11:05:22 2026\n";
const std::string kOne = "Subject: one\r\n\r\nbody\r\n";
const std::string kTwo =
    "Subject: two\r\n\r\nFrom here on\r\n>From there\r\n\r\nFrom ann@example.org Sat Nov 21 "
    "11:05:22 2026\r\n";

std::string lf(std::string s) {
  for (size_t i; (i = s.find("\r\n")) != s.npos;) s.erase(i, 1);
  return s;
}

// Assigns UIDs to all that have none and writes the state, as Store does.
bool assign(MailDir& m) {
  if (m.header.uid_validity == 0) m.header.uid_validity = 77;
  std::vector<Record*> changed;
  for (Record& r : m.records) {
    if (r.uid == 0) {
      r.uid = ++m.header.last_uid;
      changed.push_back(&r);
    } else {
      m.header.last_uid = std::max(m.header.last_uid, r.uid);
    }
  }
  auto moved = m.file->write_state(changed, m.records, m.keywords, m.header);
  REQUIRE(moved.ok());
  return *moved;
}

// Everything a rescan finds must equal what the calls returned.
void check_rescan(MailDir& m) {
  const auto kept = m.records;
  const auto texts = m.texts();
  const auto names = m.keywords.names();
  REQUIRE(m.load());
  REQUIRE(m.records.size() == kept.size());
  for (size_t i = 0; i < kept.size(); ++i) {
    const Record &a = kept[i], &b = m.records[i];
    CAPTURE(i);
    CHECK(a.offset == b.offset);
    CHECK(a.uid == b.uid);
    CHECK(a.flags == b.flags);
    CHECK(a.prefix_size == b.prefix_size);
    CHECK(a.from_size == b.from_size);
    CHECK(a.raw_size == b.raw_size);
    CHECK(a.size == b.size);
    CHECK(a.header_size == b.header_size);
    CHECK(a.internal_date == b.internal_date);
    CHECK(a.zone_minutes == b.zone_minutes);
    CHECK(a.prefix_crc == b.prefix_crc);
    CHECK(a.form == b.form);
    CHECK(m.file->verify(a));
  }
  CHECK(m.texts() == texts);
}

}  // namespace

TEST_CASE("mbox: an empty file is an empty mailbox; other files are refused") {
  MailDir m;
  REQUIRE(m.load());
  CHECK(m.records.empty());
  CHECK(m.end == 0);
  CHECK(m.header.uid_validity == 0);
  for (const char* bad :
       {"Fro\n", "Return-Path: x\n", "From nobody\n\n", "\nFrom x", "%PDF-1.4\n"}) {
    MailDir x(bad);
    CAPTURE(bad);
    auto f = MailFile::open(x.fd.get(), x.journal, true);
    KeywordTable none;
    auto scanned = f ? (*f)->scan(0, none, [](const Record&) {}) : Result<uint64_t>(f.error());
    REQUIRE_FALSE(scanned.ok());
    CHECK(scanned.error().kind == ErrorKind::Corrupt);
  }
}

TEST_CASE("mbox: what is a From_ line") {
  for (const char* good :
       {"From a Sat Nov 21 11:05:22 2026\n", "From a@b Sat Nov  1 11:05:22 2026\r\n",
        "From a b c Sat Nov 21 11:05 2026\n", "From a Sat Nov 21 11:05:22 CET 2026\n",
        "From a Sat Nov 21 11:05:22 2026 +0100\n", "From \"John Sat\" Sat Nov 1 11:05:22 2026\n",
        "From a Sat Nov 21 11:05:22 2026 remote from host\n", "From  Sat Nov 21 11:05:22 2026\n"})
    CHECK(parse_from_line(good));
  for (const char* bad :
       {"From a Sat Nov 21 11:05:22 2026", "From \n", "From a\n",
        ">From a Sat Nov 21 11:05:22 2026\n", "From a Sat Nov 31 11:05:22 2026\n",
        "From a Sat Nov 21 25:05:22 2026\n", "From a Sat Foo 21 11:05:22 2026\n",
        "From a Sat Nov 21 11:05:22 2026 and then\n", "From here to there on Sat Nov 21 we go\n",
        "From: a Sat Nov 21 11:05:22 2026\n", "From a Sat, 21 Nov 2026 11:05:22\n"})
    CHECK_FALSE(parse_from_line(bad));
  CHECK_FALSE(parse_from_line("From " + std::string(2000, 'x') + " Sat Nov 21 11:05:22 2026\n"));
  const auto line = format_from_line("a b\nFrom c@d", 1795259122);
  CHECK(line == "From a_b_From_c@d Sat Nov 21 11:05:22 2026\n");
  CHECK(parse_from_line(line)->seconds == 1795259122);
  CHECK(format_from_line("", 0) == "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
  CHECK(parse_from_line(format_from_line(std::string(5000, 'x'), 0)));
}

TEST_CASE("mbox: append and read back the same bytes") {
  MailDir m;
  REQUIRE(m.load());
  m.header.uid_validity = 4000000000;
  m.keywords.add("Work");
  m.keywords.add("$Forwarded");
  std::vector<std::string> texts = {
      kOne,
      kTwo,
      "",
      "\r\n",
      "From a@b Sat Nov 21 11:05:22 2026\r\n\r\n>From\r\n>>>From \r\nFrom \r\n",
      std::string("a: b\r\n\r\n") + std::string(1, '\0') + "x\r\r\ncr\rcr\r\n\r\n\r\n",
      "X-IMAPbase: 1 4294967295\r\nX-UID: 4294967295\r\nStatus: RO\r\nX-Status: "
      "D\r\nContent-Length: 999999999\r\n\r\nx\r\n",
      "X-DMail: 1 +0000 size=0000000001\r\nX-IMAPbase: 0000000001 0000000009\r\nX-UID: "
      "0000000007\r\n"
      "Status: RO\r\nX-Status: AFTD\r\nX-Keywords:                                                 "
      "\r\n\r\nx\r\n",
      "Subject: " + std::string(700000, 's') + "\r\n\r\n" + std::string(600000, '>') + "From x\r\n",
  };
  for (const auto& t : texts) REQUIRE(m.append({t}, kSeen | kDeleted, 3));
  CHECK(m.texts() == texts);
  check_rescan(m);
  CHECK(m.header.uid_validity == 4000000000);
  CHECK(m.header.last_uid == texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const Record& r = m.records[i];
    CHECK(r.uid == i + 1);
    CHECK(r.flags == (kSeen | kDeleted));
    CHECK(r.keywords == 3);
    CHECK(r.internal_date == 1234567890);
    CHECK(r.zone_minutes == 120);
    const size_t blank = texts[i].starts_with("\r\n") ? 2 : texts[i].find("\r\n\r\n");
    CHECK(r.header_size == (texts[i].starts_with("\r\n") ? 2
                            : blank == texts[i].npos     ? texts[i].size()
                                                         : blank + 4));
  }
}

TEST_CASE("mbox: line ends are made CRLF, a missing last one is added") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({"a: b\n\nx\ny", "z\r", "Fro", ">>>", "\n\n\nFrom"}));
  CHECK(m.texts() == std::vector<std::string>{"a: b\r\n\r\nx\r\ny\r\n", "z\r\r\n", "Fro\r\n",
                                              ">>>\r\n", "\r\n\r\n\r\nFrom\r\n"});
  check_rescan(m);
}

TEST_CASE("mbox: foreign mail is taken as it is") {
  const std::string body =
      "Subject: x\n\n>From me\nFrom here\nFrom ann@example.org Sat Nov 21 11:05:22 2026\nend\n";
  MailDir m(kFrom + body + "\n" + kFrom + lf(kOne) + "\n" + kFrom + "Subject: no body\n\n" + kFrom +
            "A: b\r\nC: d\n\nx\r\ny\n\n" + kFrom + "Subject: last\n\nno line end");
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 5);
  CHECK(m.end == m.size());
  std::string crlf_body;
  for (char c : body) crlf_body += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const std::vector<std::string> texts = {crlf_body, kOne, "Subject: no body\r\n",
                                          "A: b\r\nC: d\r\n\r\nx\r\ny\r\n",
                                          "Subject: last\r\n\r\nno line end\r\n"};
  CHECK(m.texts() == texts);
  for (const Record& r : m.records) {
    CHECK(r.uid == 0);
    CHECK(r.internal_date == 1795259122);
    CHECK((r.form & (kQuoted | kStateRoom)) == 0);
  }
  const std::string before = m.bytes();

  SECTION("an append leaves what is there") {
    REQUIRE(m.append({kTwo}));
    CHECK(m.bytes().substr(0, before.size() + 2) == before + "\n\n");
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 6);
    CHECK(m.text(m.records[4]) == texts[4]);
    CHECK(m.text(m.records[5]) == kTwo);
  }
  SECTION("UIDs make it ours, and the text stays") {
    CHECK(assign(m));
    CHECK(m.texts() == texts);
    check_rescan(m);
    CHECK(m.header.uid_validity == 77);
    CHECK(m.header.last_uid == 5);
    for (const Record& r : m.records) CHECK((r.form & kStateRoom) != 0);
    // From then on state goes in place.
    const uint64_t size = m.size();
    m.records[2].flags = kFlagged;
    Record* changed[] = {&m.records[2]};
    CHECK_FALSE(*m.file->write_state(changed, m.records, m.keywords, m.header));
    CHECK(m.size() == size);
    check_rescan(m);
    CHECK(m.records[2].flags == kFlagged);
  }
  SECTION("a delivery by another agent behind our own") {
    CHECK(assign(m));
    const uint64_t end = m.end = m.size();
    m.add(kFrom + lf(kTwo) + "\n");
    std::vector<Record> found;
    auto next = m.file->scan(end, m.keywords, [&](const Record& r) { found.push_back(r); });
    REQUIRE(next.ok());
    CHECK(*next == m.size());
    // kTwo holds a From_ line behind an empty line: foreign agents quote those, this one did not.
    REQUIRE(found.size() == 2);
    CHECK(found[0].offset == end);
    CHECK(found[0].uid == 0);
  }
}

TEST_CASE("mbox: CRLF files") {
  std::string file = kFrom + lf(kOne) + "\n" + kFrom + "a: b\n\nx\n\n";
  std::string crlf;
  for (char c : file) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  MailDir m(crlf);
  REQUIRE(m.load());
  const std::vector<std::string> texts = {kOne, "a: b\r\n\r\nx\r\n"};
  CHECK(m.texts() == texts);
  CHECK(m.records[0].form == 0);
  CHECK(assign(m));
  CHECK(m.texts() == texts);
  check_rescan(m);
}

TEST_CASE("mbox: state lines of other agents") {
  const std::string base = "X-IMAPbase: 1025885253 0000000009 Work $Junk\n";
  const auto message = [&](const std::string& extra) {
    return kFrom + "Subject: s\n" + extra + "\nbody\n\n";
  };
  SECTION("are believed from the first message on, while UIDs ascend") {
    MailDir m(message(base + "X-UID: 4\nStatus: RO\nX-Status: A\nX-Keywords: Work\n") +
              message("X-UID: 7\nStatus: O\nX-Status: FD\nX-Keywords:\n") +
              message("X-UID: 6\nStatus: RO\n") + message("X-UID: 8\nStatus: RO\n"));
    REQUIRE(m.load());
    CHECK(m.header.uid_validity == 1025885253);
    CHECK(m.header.last_uid == 9);
    CHECK(m.keywords.names() == std::vector<std::string>{"Work", "$Junk"});
    REQUIRE(m.records.size() == 4);
    CHECK(m.records[0].uid == 4);
    CHECK(m.records[0].flags == (kSeen | kAnswered));
    CHECK(m.records[0].keywords == 1);
    CHECK(m.records[1].uid == 7);
    CHECK(m.records[1].flags == (kFlagged | kDeleted));
    CHECK(m.records[2].uid == 0);
    CHECK(m.records[2].flags == kSeen);
    CHECK(m.records[3].uid == 0);
    CHECK(m.text(m.records[1]) ==
          "Subject: s\r\nX-UID: 7\r\nStatus: O\r\nX-Status: FD\r\nX-Keywords:\r\n\r\nbody\r\n");
    const auto texts = m.texts();
    CHECK(assign(m));
    CHECK(m.texts() == texts);
    check_rescan(m);
    CHECK(m.header.last_uid ==
          9);  // the first message is not ours: the last UID is in the last one
    CHECK(m.records[3].uid == 11);
    CHECK(m.header.uid_validity == 1025885253);
    CHECK(m.records[0].uid == 4);
    // When that one goes, the first message gets a block, so that UID 11 is never given again.
    m.header.last_uid = 11;
    m.records[3].form |= kExpunged;
    REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
    REQUIRE(m.load());
    CHECK(m.header.last_uid == 11);
    CHECK(m.header.uid_validity == 1025885253);
    CHECK(m.texts() == std::vector<std::string>(texts.begin(), texts.begin() + 3));
    CHECK(m.records[0].uid == 4);
    CHECK(m.records[0].flags == (kSeen | kAnswered));
  }
  SECTION("give marks only, no UID, keyword or deletion, when the base is not sound") {
    for (const std::string bad :
         {"X-IMAPbase: 1 4294967295\nX-UID: 4294967295\nStatus: RO\n",
          "X-IMAPbase: 1 9\nX-UID: 10\nStatus: RO\n", "X-IMAPbase: 0 9\nX-UID: 3\nStatus: R\n",
          "X-IMAPbase: 1 9\nStatus: RO\n", "X-UID: 3\nStatus: RO\n", "status: OR\n"}) {
      MailDir m(message(bad) + message("X-UID: 5\nStatus: O\nX-Status: DAFT\nX-Keywords: Work\n") +
                message("X-Mailer: R\nReply-Status: R\n"));
      REQUIRE(m.load());
      CHECK(m.header.last_uid == 0);
      REQUIRE(m.records.size() == 3);
      for (const Record& r : m.records) CHECK((r.uid == 0 && r.keywords == 0));
      CHECK(m.records[0].flags == kSeen);
      CHECK(m.records[1].flags == (kAnswered | kFlagged | kDraft));
      CHECK(m.records[2].flags == 0);
      const auto texts = m.texts();
      CHECK(assign(m));  // the marks stay when blocks are written
      CHECK(m.texts() == texts);
      REQUIRE(m.load());
      CHECK(m.records[0].flags == kSeen);
      CHECK(m.records[1].flags == (kAnswered | kFlagged | kDraft));
    }
  }
  SECTION("UW's internal message is kept and never shown") {
    const std::string internal =
        "From MAILER-DAEMON Fri Jul  5 10:07:33 2002\nDate: 05 Jul 2002 10:07:33 -0600\n"
        "From: Mail System Internal Data <MAILER-DAEMON@host>\n"
        "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nMessage-ID: "
        "<1025885253@host>\n"
        "X-IMAP: 1025885253 0000000020 Later\nStatus: RO\n\nThis text is part of the internal "
        "format.\n\n";
    MailDir m(internal + message("X-UID: 12\nStatus: RO\n"));
    REQUIRE(m.load());
    CHECK(m.header.uid_validity == 1025885253);
    CHECK(m.header.last_uid == 20);
    CHECK(m.header.first_message == internal.size());
    REQUIRE(m.records.size() == 1);
    CHECK(m.records[0].uid == 12);
    m.end = m.size();
    REQUIRE(m.append({kOne}));
    CHECK(m.records[1].uid == 21);
    m.records[0].form |= kExpunged;
    REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
    REQUIRE(m.load());
    CHECK(m.bytes().starts_with(internal));
    CHECK(m.header.last_uid == 21);
    CHECK(m.texts() == std::vector<std::string>{kOne});
  }
  SECTION("mail that pretends to be the internal message is shown") {
    MailDir m(
        "From eve@example.org Fri Jul  5 10:07:33 2002\nReceived: from x\n"
        "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 5 6\n\nx\n\n");
    REQUIRE(m.load());
    CHECK(m.records.size() == 1);
    MailDir ours;
    REQUIRE(ours.load());
    REQUIRE(
        ours.append({"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\nX-IMAP: 5 "
                     "6\r\n\r\nx\r\n"}));
    REQUIRE(ours.load());
    CHECK(ours.records.size() == 1);
  }
}

TEST_CASE("mbox: an append cut short anywhere is not seen and goes at the next append") {
  const bool foreign = GENERATE(false, true);
  MailDir m;
  if (foreign) m.put(kFrom + lf(kOne) + "\n");
  REQUIRE(m.load());
  if (!foreign) REQUIRE(m.append({kOne}));
  const uint64_t first_end = m.end;
  REQUIRE(m.append({kTwo, kOne}));
  const std::string whole = m.bytes();
  const Record second = m.records[1];
  const uint64_t second_end = m.records[2].offset;
  for (uint64_t cut = first_end; cut < whole.size(); ++cut) {
    std::string torn = whole.substr(0, cut);
    CAPTURE(foreign, cut);
    m.put(torn);
    REQUIRE(m.load());
    // The blank line behind a text may be missing: the text is whole without.
    const uint64_t text_end = m.size();
    // "Fro" at the end of another agent's mail may as well be mail.
    if (foreign && cut > first_end && cut < first_end + 5) continue;
    size_t expected = cut < second.offset + second.prefix_size + second.raw_size ? 1 : 2;
    if (cut + 1 == whole.size()) expected = 3;
    REQUIRE(m.records.size() == expected);
    CHECK(m.end <= text_end);
    CHECK(m.text(m.records[0]) == kOne);
    REQUIRE(m.append({"x\r\n"}));
    REQUIRE(m.load());
    REQUIRE(m.records.size() == expected + 1);
    CHECK(m.text(m.records.back()) == "x\r\n");
    CHECK(m.text(m.records[0]) == kOne);
    // Killed before the sizes were filled in.
    if (cut >= second.offset + second.from_size + kStateSizeAt + 10) {
      torn.replace(second.offset + second.from_size + kStateSizeAt, 10, "9999999999");
      m.put(torn);
      REQUIRE(m.load());
      CHECK(m.records.size() == (cut >= second_end + 200 ? m.records.size() : 1));
    }
  }
}

TEST_CASE("mbox: another agent delivers behind an append that was cut short") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({kOne}));
  REQUIRE(m.append({kTwo}));
  const std::string whole = m.bytes();
  const Record r = m.records[1];
  const std::string delivered = kFrom + "Subject: other\n\nmail\n\n";
  for (uint64_t cut = r.offset + r.prefix_size + 1; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    std::string torn = whole.substr(0, cut);
    if (torn.ends_with('>')) continue;  // what follows looks like a quoted From_ line
    torn.replace(r.offset + r.from_size + kStateSizeAt, 10, "9999999999");
    m.put(torn + delivered);
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 2);  // the torn one is absent, the other whole
    CHECK(m.text(m.records[0]) == kOne);
    CHECK(m.text(m.records[1]) == "Subject: other\r\n\r\nmail\r\n");
    CHECK_FALSE(m.file->damage().empty());
    // With its size written, what is left of it stays a message of its own; unless the other's mail
    // has just the length that is missing, which only a power failure can bring about.
    const uint64_t missing = whole.size() - cut;
    if (delivered.size() == missing || delivered.size() + 1 == missing) continue;
    torn = whole.substr(0, cut);
    m.put(torn + delivered);
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 3);
    CHECK(m.text(m.records[0]) == kOne);
    CHECK(m.text(m.records[2]) == "Subject: other\r\n\r\nmail\r\n");
    const auto texts = m.texts();
    m.records[0].form |= kExpunged;
    REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
    REQUIRE(m.load());
    CHECK(m.texts() == std::vector<std::string>(texts.begin() + 1, texts.end()));
  }
}

TEST_CASE("mbox: state in place, more room by rewriting, expunge") {
  MailDir m;
  REQUIRE(m.load());
  m.header.uid_validity = 77;
  const std::vector<std::string> texts = {kOne, kTwo, "three\r\n", "four\r\n", kTwo};
  REQUIRE(m.append(texts));
  SECTION("all flags, every message") {
    for (uint32_t flags = 0; flags <= kSystemFlags; ++flags) {
      std::vector<Record*> changed;
      for (Record& r : m.records) {
        r.flags = flags;
        changed.push_back(&r);
      }
      const uint64_t size = m.size();
      CHECK_FALSE(*m.file->write_state(changed, m.records, m.keywords, m.header));
      CHECK(m.size() == size);
      check_rescan(m);
    }
    CHECK(m.texts() == texts);
  }
  SECTION("keywords beyond the room") {
    for (int i = 0; i < 64; ++i) m.keywords.add("keyword-" + std::to_string(i));
    m.records[0].keywords = 3;
    m.records[2].keywords = UINT64_MAX;
    Record* changed[] = {&m.records[0], &m.records[2]};
    CHECK(*m.file->write_state(changed, m.records, m.keywords, m.header));
    CHECK(m.texts() == texts);
    check_rescan(m);
    CHECK(m.keywords.names().size() == 64);
    CHECK(m.records[2].keywords == UINT64_MAX);
    m.records[2].keywords = 1;
    Record* again[] = {&m.records[2]};
    CHECK_FALSE(*m.file->write_state(again, m.records, m.keywords, m.header));
    check_rescan(m);
    CHECK(m.records[2].keywords == 1);
    CHECK(m.records[1].keywords == 0);
  }
  SECTION("expunge any set") {
    const std::string file = m.bytes();
    for (unsigned set = 1; set < 32; ++set) {
      m.put(file);
      REQUIRE(m.load());
      std::vector<std::string> left;
      std::vector<uint32_t> uids;
      for (size_t i = 0; i < 5; ++i) {
        if (set >> i & 1) {
          m.records[i].form |= kExpunged;
        } else {
          left.push_back(texts[i]);
          uids.push_back(m.records[i].uid);
        }
      }
      const auto before = m.records;
      m.header.last_uid = 6;
      REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
      for (size_t i = 0; i < 5; ++i)
        if (set >> i & 1) CHECK(m.records[i].offset == before[i].offset);
      std::erase_if(m.records, [](const Record& r) { return r.form & kExpunged; });
      CHECK(m.texts() == left);
      check_rescan(m);
      for (size_t i = 0; i < uids.size(); ++i) CHECK(m.records[i].uid == uids[i]);
      if (!left.empty()) {
        CHECK(m.header.uid_validity == 77);
        CHECK(m.header.last_uid == 6);
      }
      CHECK_FALSE(m.file->needs_recovery());
    }
    CHECK(m.size() == 0);
  }
  SECTION("state is never written over anything but the message it belongs to") {
    const std::string before = m.bytes();
    Record wrong = m.records[1];
    wrong.offset += 3;
    Record* changed[] = {&wrong};
    CHECK_FALSE(m.file->write_state(changed, m.records, m.keywords, m.header).ok());
    CHECK(m.bytes() == before);
    CHECK_FALSE(m.file->verify(wrong));
  }
}

TEST_CASE("mbox: a block whose size is wrong ends at the next From_ line") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({kOne, kTwo, kOne}));
  std::string file = m.bytes();
  for (const char* size : {"0000000000", "0000000001", "0000000500", "0000099999", "9999999998"}) {
    std::string edited = file;
    edited.replace(m.records[1].offset + m.records[1].from_size + kStateSizeAt, 10, size);
    MailDir x(edited);
    REQUIRE(x.load());
    CAPTURE(size);
    REQUIRE(x.records.size() == 3);
    CHECK(x.text(x.records[0]) == kOne);
    CHECK(x.text(x.records[2]) == kOne);
  }
}

TEST_CASE("mbox: a failing source leaves the file as it was") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({kOne}));
  const std::string before = m.bytes();
  FailingSource bad;
  StringSource good(kTwo);
  NewMessage messages[2];
  messages[0].text = &good;
  messages[1].text = &bad;
  CHECK_FALSE(m.file->append(m.end, messages, m.keywords, m.header, m.records).ok());
  CHECK(m.bytes() == before);
  CHECK(m.records.size() == 1);
}

TEST_CASE("mbox: scanning from a place that is no message start is refused") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({kOne, kTwo}));
  CHECK_FALSE(m.file->scan(m.records[1].offset + 1, m.keywords, [](const Record&) {}).ok());
  CHECK_FALSE(m.file->scan(m.size() + 1, m.keywords, [](const Record&) {}).ok());
  int n = 0;
  CHECK(*m.file->scan(m.records[1].offset, m.keywords, [&](const Record&) { ++n; }) == m.size());
  CHECK(n == 1);
}

TEST_CASE("mbox: a From_ line at every place of the window's edge") {
  for (size_t pad = 262144 - 700; pad < 262144 - 100; pad += 3) {
    MailDir m(kFrom + "a: b\n\n" + std::string(pad, 'x') + "\n>From x\nFrom y\n\n" + kFrom +
              "c: d\n\n>From z\n\n");
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 2);
    CHECK(m.records[0].size == 4 + 4 + pad + 2 + 9 + 8);
    MailDir o;
    REQUIRE(o.load());
    const std::string text = "a: b\r\n\r\n" + std::string(pad, 'x') + "\r\n>>>From x\r\nFrom y\r\n";
    REQUIRE(o.append({text, kOne}));
    check_rescan(o);
    CHECK(o.text(o.records[0]) == text);
  }
}

TEST_CASE("mbox: the state block is recognised only in full") {
  MboxState s;
  s.size = 12;
  s.zone_minutes = -210;
  s.uid = 4294967295;
  s.flags = kSeen | kDraft;
  s.uid_validity = 1;
  s.last_uid = 4294967295;
  s.keywords = "A B";
  const std::string block = format_mbox_state(s, 48);
  const auto back = parse_mbox_state(block + "Subject");
  REQUIRE(back);
  CHECK(back->size == 12);
  CHECK(back->zone_minutes == -210);
  CHECK(back->uid == 4294967295);
  CHECK(back->flags == (kSeen | kDraft));
  CHECK(back->last_uid == 4294967295);
  CHECK(back->length == block.size());
  for (size_t i = 0; i < block.size(); ++i) {
    CHECK_FALSE(parse_mbox_state(block.substr(0, i)));
    CHECK(is_part_of_mbox_state(block.substr(0, i)));
    std::string bad = block;
    bad[i] = '\n';
    if (bad != block) CHECK_FALSE(parse_mbox_state(bad));
  }
}

#include "mbox_fixture.h"
#include "store/mbox_from.h"
#include "store/mbox_state.h"

using namespace dmail;
using namespace dmail::store;

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
        "From a Sat Nov 21 11:05:22 2026 remote from host\n", "From  Sat Nov 21 11:05:22 2026\n",
        "From - Wed Dec 31 19:00:00 1969\n", "From a Thu Jan  1 00:00:00 0001\n",
        "From a@b Wed, 2 May 2001 10:10:26 +0200\n", "From a@b 2 May 2001 9:10 +0200 (CEST)\n",
        "From a Sat Nov 21 11:05:22 MET DST 2026\n", "From a Sat Nov 21 9:05:22 2026\n",
        "From a Sat, 21 Nov 2026 11:05:22\n"})
    CHECK(parse_from_line(good));
  CHECK(parse_from_line("From - Wed Dec 31 19:00:00 1969\n")->seconds == 0);
  CHECK(parse_from_line("From a Sat Nov 21 11:05:22 CET 2026\n")->seconds == 1795259122 - 3600);
  CHECK(parse_from_line("From a Sat Nov 21 11:05:22 MET DST 2026\n")->zone_minutes == 120);
  CHECK_FALSE(parse_from_line("From a Sat Nov 21 11:05:22 2026\n")->zoned);
  // What cannot be is the nearest that can: a mark is a mark.
  for (const char* odd : {"From a Mon Nov 31 11:05:22 2026\n", "From a Mon Nov 99 11:05:22 2026\n",
                          "From a 31 Nov 2026 11:05:22\n", "From a Mon Nov 30 11:05:22 2026\n"})
    CHECK(parse_from_line(odd)->seconds == 1796036722);
  for (const char* odd : {"From a Sun Feb 29 25:61:99 2026\n", "From a Sun Feb 30 24:60 2026\n",
                          "From a Sun Feb  0 00:00:00 2026\n", "From a 0 Mar 2026 24:00 +0000\n",
                          "From a Sun Feb 28 23:59:60 2026 +9999\n"})
    CHECK(parse_from_line(odd));
  CHECK(parse_from_line("From a Sun Feb 29 25:61:61 2026\n")->seconds == 1772323200);
  for (const char* bad :
       {"From a Sat Nov 21 11:05:22 2026", "From \n", "From a\n",
        ">From a Sat Nov 21 11:05:22 2026\n", "From a Sat Nov 211 11:05:22 2026\n",
        "From a Sat Nov 21 25:05:2x 2026\n", "From a Sat Foo 21 11:05:22 2026\n",
        "From a Sat Nov 21 11:05:22 2026 and then\n", "From here to there on Sat Nov 21 we go\n",
        "From: a Sat Nov 21 11:05:22 2026\n", "From a Sat, 21 Nov 2026 11:05:22 and on\n",
        "From a on 2 May 2001 we go\n", "From a Sat Nov 21 11:05:22 26\n"})
    CHECK_FALSE(parse_from_line(bad));
  CHECK_FALSE(parse_from_line("From " + std::string(2000, 'x') + " Sat Nov 21 11:05:22 2026\n"));
  const auto line = format_from_line("a b\nFrom c@d", 1795259122);
  CHECK(line == "From a_b_From_c@d Sat Nov 21 11:05:22 2026\n");
  CHECK(parse_from_line(line)->seconds == 1795259122);
  CHECK(format_from_line("", 0) == "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
  CHECK(parse_from_line(format_from_line(std::string(5000, 'x'), 0)));
}

TEST_CASE("mbox: other agents' dates without a zone are local time, also after a rewrite") {
  const char* old = std::getenv("TZ");
  const std::string before = old == nullptr ? "" : old;
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  {
    const std::string text = "Subject: s\n\nx\n\n";
    MailDir m("From a@b Sat Nov 21 11:05:22 2026\n" + text + "From a@b Tue Jul 21 11:05:22 2026\n" +
              text + "From a@b Sat Nov 21 11:05:22 CET 2026\n" + text +
              "From a@b Sat Nov 21 11:05:22 2026 -0500\n" + text);
    REQUIRE(m.load());
    const auto dates = [&m] {
      std::vector<std::pair<int64_t, int>> out;
      for (const Record& r : m.records) out.emplace_back(r.internal_date, r.zone_minutes);
      return out;
    };
    const std::vector<std::pair<int64_t, int>> right = {
        {1795255522, 60}, {1784624722, 120}, {1795255522, 60}, {1795277122, -300}};
    CHECK(dates() == right);
    CHECK(assign(m));
    REQUIRE(m.load());
    CHECK(dates() == right);
  }
  if (old == nullptr)
    ::unsetenv("TZ");
  else
    ::setenv("TZ", before.c_str(), 1);
  ::tzset();
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

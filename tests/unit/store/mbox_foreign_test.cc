#include "mbox_fixture.h"
#include "store/mbox_state.h"

using namespace dmail;
using namespace dmail::store;

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
    CHECK(m.text(m.records[1]) == "Subject: s\r\n\r\nbody\r\n");
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

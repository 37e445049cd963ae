#include "store/mbx_format.h"

#include "mail_file_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

const std::string kOne = "Subject: one\r\n\r\nbody\r\n";
const std::string kTwo = "Subject: two\r\n\r\nFrom here on\r\n>From there\r\n";

struct Mbx : MailDir {
  Mbx() : MailDir(MailFile::new_mbx(0x1234abcd), false) { REQUIRE(load()); }
};

// As UW's c-client writes it.
std::string uw_file() {
  std::string head = "*mbx*\r\n3f0c1d2e00000007\r\n$Label1\r\nWork\r\n";
  for (int i = 2; i < 30; ++i) head += "\r\n";
  head.resize(2048 - 10, '\0');
  head += "0000abcd\r\n";
  return head + " 5-Dec-1999 08:09:10 -0500,22;00000003000d-00000003\r\n" + kOne.substr(0, 22) +
         "16-Jan-2000 23:59:59 +0100,22;000000008001-00000004\r\n" + kOne.substr(0, 22) +
         "17-Jan-2000 00:00:00 +0000," + std::to_string(kTwo.size()) +
         ";000000000032-00000000\r\n" + kTwo;
}

}  // namespace

TEST_CASE("mbx: a new file is empty and has its UIDVALIDITY") {
  Mbx m;
  CHECK(m.header.uid_validity == 0x1234abcd);
  CHECK(m.header.last_uid == 0);
  CHECK(m.header.first_message == 2048);
  CHECK(m.records.empty());
  CHECK(m.end == 2048);
  CHECK(m.file->keyword_limit() == 30);
}

TEST_CASE("mbx: a file written by UW opens") {
  MailDir m(uw_file());
  REQUIRE(m.load());
  CHECK(m.header.uid_validity == 0x3f0c1d2e);
  CHECK(m.header.last_uid == 7);
  CHECK(m.keywords.names() == std::vector<std::string>{"$Label1", "Work"});
  REQUIRE(m.records.size() == 2);  // the second is expunged
  CHECK(m.records[0].uid == 3);
  CHECK(m.records[0].flags == (kSeen | kFlagged | kAnswered));
  CHECK(m.records[0].keywords == 3);
  CHECK(m.records[0].internal_date == 944399350);
  CHECK(m.records[0].zone_minutes == -300);
  CHECK(m.records[0].header_size == 16);
  CHECK(m.records[1].uid == 0);
  CHECK(m.records[1].flags == (kDraft | kDeleted));
  CHECK(m.texts() == std::vector<std::string>{kOne, kTwo});
}

TEST_CASE("mbx: append, read back, flags in place, expunge, compact") {
  Mbx m;
  m.keywords.add("$Forwarded");
  m.keywords.add("Later");
  REQUIRE(m.append({kOne, kTwo, ""}, kSeen | kDraft, 2));
  REQUIRE(m.append({"bare\nlf\n\ncr\rnul" + std::string(1, '\0') + "end"}));
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 4);
  CHECK(m.header.last_uid == 4);
  CHECK(m.keywords.names() == std::vector<std::string>{"Later"});
  CHECK(m.records[0].keywords == 1);
  CHECK(m.records[0].flags == (kSeen | kDraft));
  CHECK(m.records[3].uid == 4);
  CHECK(m.records[3].header_size == 12);
  const std::string fourth = "bare\r\nlf\r\n\r\ncr\rnul" + std::string(1, '\0') + "end\r\n";
  CHECK(m.texts() == std::vector<std::string>{kOne, kTwo, "", fourth});

  const uint64_t before = m.size();
  m.records[1].flags = kAnswered;
  m.keywords.add("New");
  m.records[1].keywords = 3;
  Record* changed[] = {&m.records[1]};
  auto moved = m.file->write_state(changed, m.records, m.keywords, m.header);
  REQUIRE(moved.ok());
  CHECK_FALSE(*moved);
  CHECK(m.size() == before);
  REQUIRE(m.load());
  CHECK(m.records[1].flags == kAnswered);
  CHECK(m.keywords.names() == std::vector<std::string>{"Later", "New"});
  CHECK(m.records[1].keywords == 3);

  m.records[0].form |= kExpunged;
  m.records[2].form |= kExpunged;
  REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
  CHECK(m.size() == before);
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 2);
  auto won = m.file->compact(m.records, m.keywords, m.header);
  REQUIRE(won.ok());
  CHECK(*won == 61 + kOne.size() + 61);  // two lines of 61 octets, texts of 22 and 0
  CHECK(m.size() == before - *won);
  CHECK(m.texts() == std::vector<std::string>{kTwo, fourth});
  const auto kept = m.records;
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(m.records[i].offset == kept[i].offset);
    CHECK(m.file->verify(kept[i]));
  }
  CHECK(*m.file->compact(m.records, m.keywords, m.header) == 0);
  CHECK_FALSE(m.file->needs_recovery());
}

TEST_CASE("mbx: 30 keywords fit, the 31st is refused and nothing is lost") {
  Mbx m;
  for (int i = 0; i < 31; ++i)
    m.keywords.add("k" + std::string(63, 'x').replace(0, 2, std::to_string(10 + i)));
  REQUIRE(m.append({kOne}, 0, (uint64_t{1} << 30) - 1));
  const std::string before = m.bytes();
  auto more = m.append({kTwo}, 0, uint64_t{1} << 30);
  REQUIRE_FALSE(more.ok());
  CHECK(more.error().kind == ErrorKind::Limit);
  CHECK(m.bytes() == before);
  REQUIRE(m.load());
  CHECK(m.keywords.names().size() == 30);
  CHECK(m.records[0].keywords == (uint64_t{1} << 30) - 1);
}

TEST_CASE("mbx: keyword names that are no atoms stay in the file but reach nobody") {
  std::string file = uw_file();
  file.replace(file.find("Work"), 4, "W rk");
  MailDir m(file);
  REQUIRE(m.load());
  CHECK(m.keywords.names() == std::vector<std::string>{"$Label1"});
  CHECK(m.records[0].keywords == 1);
  m.records[0].keywords = 0;
  Record* changed[] = {&m.records[0]};
  REQUIRE(m.file->write_state(changed, m.records, m.keywords, m.header).ok());
  CHECK(m.bytes().find(";00000002001d-00000003") != std::string::npos);
}

TEST_CASE("mbx: an append cut short anywhere is not seen and goes at the next append") {
  Mbx m;
  REQUIRE(m.append({kOne}));
  const uint64_t first_end = m.end;
  REQUIRE(m.append({kTwo, kOne}));
  const std::string whole = m.bytes();
  const uint64_t second_end = m.records[2].offset;
  for (uint64_t cut = first_end; cut < whole.size(); ++cut) {
    m.put(whole.substr(0, cut));
    REQUIRE(m.load());
    const size_t expected = cut >= second_end ? 2 : 1;
    REQUIRE(m.records.size() == expected);
    CHECK(m.end == (expected == 2 ? second_end : first_end));
    CHECK(m.file->damage().empty());
    REQUIRE(m.append({"x\r\n"}));
    REQUIRE(m.load());
    REQUIRE(m.records.size() == expected + 1);
    CHECK(m.text(m.records.back()) == "x\r\n");
    CHECK(m.text(m.records[0]) == kOne);
  }
}

TEST_CASE("mbx: a source that fails leaves the file as it was") {
  Mbx m;
  REQUIRE(m.append({kOne}));
  const uint64_t before = m.size();
  FailingSource bad;
  StringSource good(kTwo);
  NewMessage messages[2];
  messages[0].text = &good;
  messages[1].text = &bad;
  CHECK_FALSE(m.file->append(m.end, messages, m.keywords, m.header, m.records).ok());
  CHECK(m.size() == before);
  CHECK(m.records.size() == 1);
}

TEST_CASE("mbx: damaged lines") {
  Mbx m;
  REQUIRE(m.append({kOne, kTwo, kOne, kTwo}));
  const std::string whole = m.bytes();
  const auto records = m.records;

  SECTION("torn state digits lose the state, not the message") {
    std::string file = whole;
    file.replace(records[1].offset + records[1].prefix_size - 12, 3, "xyz");
    m.put(file);
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 4);
    CHECK(m.records[1].uid == 0);
    CHECK(m.file->damage().empty());
    m.records[1].uid = 9;
    Record* changed[] = {&m.records[1]};
    REQUIRE(m.file->write_state(changed, m.records, m.keywords, m.header).ok());
    CHECK(m.bytes().find("-00000009\r\n") != std::string::npos);
  }
  SECTION("a garbled line in the middle is passed over and told") {
    std::string file = whole;
    file.replace(records[1].offset, 10, "##########");
    m.put(file);
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 3);
    CHECK(m.file->damage() == std::to_string(records[2].offset - records[1].offset) +
                                  " bytes at offset " + std::to_string(records[1].offset) +
                                  " are no message");
    CHECK(m.texts() == std::vector<std::string>{kOne, kOne, kTwo});
    // Compaction keeps what nobody understands.
    m.records[0].form |= kExpunged;
    REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
    REQUIRE(m.load());
    REQUIRE(m.file->compact(m.records, m.keywords, m.header).ok());
    CHECK(m.bytes().find("##########") != std::string::npos);
    REQUIRE(m.load());
    CHECK(m.texts() == std::vector<std::string>{kOne, kTwo});
  }
  SECTION("a garbled last line is kept aside when an append needs its place") {
    std::string file = whole;
    file.replace(records[3].offset, 10, "##########");
    m.put(file);
    REQUIRE(m.load());
    CHECK(m.records.size() == 3);
    CHECK(m.end == records[3].offset);
    CHECK_FALSE(m.file->damage().empty());
    REQUIRE(m.append({"x\r\n"}));
    CHECK(*read_file(m.journal + ".lost", 1 << 20) == file.substr(records[3].offset));
    REQUIRE(m.load());
    CHECK(m.records.size() == 4);
  }
  SECTION(
      "a last message with its SIZE and a part of its text is kept aside, an unfinished one is "
      "not") {
    for (const char* size : {"", "9999999999", "9990000004"}) {
      const bool unfinished = *size != '\0';
      CAPTURE(size);
      std::string file = whole.substr(0, whole.size() - 2);
      if (unfinished) file.replace(records[3].offset + 27, 10, size);
      m.put(file);
      REQUIRE(m.load());
      CHECK(m.records.size() == 3);
      REQUIRE(m.file->cut_tail(m.end));
      CHECK(m.bytes() == whole.substr(0, records[3].offset));
      const auto lost = read_file(m.journal + ".lost", 1 << 20);
      CHECK(lost.ok() == !unfinished);
      if (lost) CHECK(*lost == file.substr(records[3].offset));
      std::filesystem::remove(m.journal + ".lost");
    }
  }
  SECTION("zeros behind the end are a torn append") {
    m.add(std::string(5000, '\0'));
    REQUIRE(m.load());
    CHECK(m.records.size() == 4);
    CHECK(m.end == whole.size());
  }
  SECTION("scanning from what is no message start is refused") {
    auto r = m.file->scan(records[1].offset + 1, m.keywords, [](const Record&) {});
    REQUIRE_FALSE(r.ok());
    CHECK(r.error().kind == ErrorKind::Corrupt);
    CHECK_FALSE(m.file->scan(whole.size() + 1, m.keywords, [](const Record&) {}).ok());
    CHECK(*m.file->scan(whole.size(), m.keywords, [](const Record&) {}) == whole.size());
  }
  SECTION("state is never written over anything but the message it belongs to") {
    Record wrong = records[1];
    wrong.offset += 1;
    CHECK_FALSE(m.file->verify(wrong));
    Record* changed[] = {&wrong};
    CHECK_FALSE(m.file->write_state(changed, m.records, m.keywords, m.header).ok());
    CHECK(m.bytes().substr(2048) == whole.substr(2048));
  }
  SECTION("a header cut short is told") {
    m.put(whole.substr(0, 1000));
    auto r = m.load();
    REQUIRE_FALSE(r.ok());
    CHECK(r.error().kind == ErrorKind::Corrupt);
  }
}

TEST_CASE("mbx: message lines") {
  CHECK(parse_mbx_line(" 5-Dec-1999 08:09:10 -0500,22;00000003000d-00000003\r\n"));
  CHECK(parse_mbx_line("05-Dec-1999 08:09:10 -0500,0000000022;00000003000d-00000003\r\nSubject"));
  for (const char* bad :
       {"", "05-Dec-1999", "05-Dec-1999 08:09:10 -0500,;00000003000d-00000003\r\n",
        "05-Dec-1999 08:09:10 -0500,-1;00000003000d-00000003\r\n",
        "05-Dec-1999 08:09:10 -0500,99999999999999999999;00000003000d-00000003\r\n",
        "05-Dec-1999 08:09:10 -0500,22;00000003000d-00000003\n",
        "05-Dec-1999 08:09:10 -0500,22;00000003000d-0000003\r\n",
        "05 Dec 1999 08:09:10 -0500,22;00000003000d-00000003\r\n"})
    CHECK_FALSE(parse_mbx_line(bad));
}

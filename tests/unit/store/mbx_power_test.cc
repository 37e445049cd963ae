// mbx: what a loss of power leaves of an append that was not acknowledged (mbx_append.cc).
#include <random>

#include "mail_file_fixture.h"
#include "store/mbx_format.h"

using namespace dmail;
using namespace dmail::store;

namespace {

constexpr size_t kSector = 512, kSizeAt = 27, kSizeDigits = 10;
const std::string kFirst = "Subject: one\r\n\r\nbody\r\n";

std::string text_of(size_t n) {
  return "Subject: " + std::to_string(n) + "\r\n\r\n" + std::string(n * 37 % 1500, 'x') + "\r\n";
}

// An mbx file with one message and `count` behind it, of which the first has no SIZE yet.
struct Unfinished {
  explicit Unfinished(size_t count, size_t shift = 0) : m(MailFile::new_mbx(0x1234abcd), false) {
    REQUIRE(m.load());
    REQUIRE(m.append({kFirst + std::string(shift, 'b')}));
    from = static_cast<size_t>(m.end);
    std::vector<std::string> texts;
    for (size_t i = 0; i < count; ++i) texts.push_back(text_of(i));
    REQUIRE(m.append(texts));
    whole = m.bytes();
    records = m.records;
    line = records[1].prefix_size;
    hidden = whole;
    hidden.replace(from + kSizeAt, kSizeDigits, "9999999999");
  }
  void is_not_seen(const std::string& bytes) {
    m.put(bytes);
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 1);
    CHECK(m.end == from);
    CHECK(m.file->damage().empty());
    REQUIRE(m.append({"x\r\n"}));
    REQUIRE(m.load());
    REQUIRE(m.records.size() == 2);
    CHECK(m.text(m.records[1]) == "x\r\n");
    CHECK_FALSE(std::filesystem::exists(m.journal + ".lost"));
  }

  MailDir m;
  std::vector<Record> records;
  size_t from = 0, line = 0;
  std::string whole, hidden;
};

}  // namespace

TEST_CASE("mbx: behind the first line of an append anything may be lost while it is unfinished") {
  for (const size_t count : {1, 3, 80}) {
    Unfinished u(count);
    std::mt19937 random(static_cast<unsigned>(count));
    for (int round = 0; round < 200; ++round) {
      std::string image = u.hidden;
      for (size_t i = u.from + u.line; i < image.size();) {
        const size_t end = std::min(image.size(), (i / kSector + 1) * kSector);
        if (random() % 3 == 0) std::fill(image.begin() + i, image.begin() + end, '\0');
        i = end;
      }
      if (round % 4 == 0)
        image.resize(u.from + u.line + random() % (image.size() - u.from - u.line));
      CAPTURE(count, round);
      u.is_not_seen(image);
    }
  }
}

TEST_CASE("mbx: a SIZE of which the second sector came is not believed") {
  for (size_t shift = 0; shift < kSector; ++shift) {
    Unfinished u(3, shift);
    const size_t at = u.from + kSizeAt, split = (at / kSector + 1) * kSector;
    if (split >= at + kSizeDigits) continue;
    std::string image = u.hidden;
    for (size_t i = split; i < at + kSizeDigits; ++i) image[i] = u.whole[i];
    CAPTURE(shift);
    u.is_not_seen(image);
  }
}

TEST_CASE("mbx: many messages at once are as they are one by one") {
  Unfinished u(200);
  u.m.put(u.whole);
  REQUIRE(u.m.load());
  REQUIRE(u.m.records.size() == 201);
  for (size_t i = 0; i < 200; ++i) {
    REQUIRE(u.m.text(u.m.records[i + 1]) == text_of(i));
    CHECK(u.m.records[i + 1].prefix_crc == u.records[i + 1].prefix_crc);
    CHECK(u.m.file->verify(u.records[i + 1]));
  }
}

TEST_CASE("mbx: many messages, larger than what is written at once") {
  MailDir m(MailFile::new_mbx(1), false);
  REQUIRE(m.load());
  std::vector<std::string> texts(100, "A: b\r\n\r\n" + std::string(20000, 'y') + "\r\n");
  texts[0] = texts[50] = "A: b\r\n\r\n" + std::string(1500000, 'z') + "\r\n";
  REQUIRE(m.append(texts));
  REQUIRE(m.load());
  CHECK(m.texts() == texts);
}

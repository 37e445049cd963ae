#include "mbox_fixture.h"
#include "store/mbox_state.h"

using namespace dmail;
using namespace dmail::store;

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

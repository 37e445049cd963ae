// mbox: what a loss of power leaves of an append that was not acknowledged (mbox_torn.cc).
#include "mbox_fixture.h"
#include "store/mbox_state.h"

using namespace dmail::store;

namespace {

constexpr size_t kSector = 512;

// The bytes from `from` on, those of the sectors in `lost` as zeros.
std::string without_sectors(std::string bytes, size_t from, unsigned lost) {
  for (size_t i = from; i < bytes.size(); ++i)
    if (lost >> (i / kSector - from / kSector) & 1) bytes[i] = '\0';
  return bytes;
}

}  // namespace

TEST_CASE("mbox: an append of which sectors are missing is not seen and harms nothing") {
  const bool foreign = GENERATE(false, true);
  const std::string text = "Subject: two\r\n\r\n" + std::string(1100, 'x') + "\r\n";
  for (size_t shift = 0; shift < kSector; shift += 5) {
    MailDir m;
    const std::string first = "Subject: one\r\n\r\n" + std::string(shift, 'b') + "\r\n";
    if (foreign) m.put(kFrom + lf(first) + "\n");
    REQUIRE(m.load());
    if (!foreign) REQUIRE(m.append({first}));
    const auto from = static_cast<size_t>(m.end);
    REQUIRE(m.append({text}));
    std::string whole = m.bytes();
    whole.replace(m.records[1].offset + m.records[1].from_size + kStateSizeAt, 10, "9999999999");
    const size_t sectors = whole.size() / kSector - from / kSector + 1;
    for (unsigned lost = 0; lost < 1u << sectors; ++lost) {
      CAPTURE(foreign, shift, lost);
      m.put(without_sectors(whole, from, lost));
      REQUIRE(m.load());
      REQUIRE(m.records.size() == 1);
      REQUIRE(m.text(m.records[0]) == first);
      if (lost % 4 != 1) continue;
      REQUIRE(m.append({"x\r\n"}));
      REQUIRE(m.load());
      REQUIRE(m.records.size() == 2);
      CHECK(m.text(m.records[0]) == first);
      CHECK(m.text(m.records[1]) == "x\r\n");
    }
  }
}

TEST_CASE("mbox: zeros in mail with other mail behind are text") {
  MailDir m;
  const std::string zeros(2 * kSector, '\0');
  const std::string other = kFrom + lf(kOne) + "\n";
  m.put(kFrom + "Subject: zeros\n\n" + zeros + "\nlast\n\n" + other);
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 2);
  CHECK(m.text(m.records[0]).find(zeros) != std::string::npos);
  CHECK(m.text(m.records[0]).ends_with("last\r\n"));
  // A few, which end where no sector does, are so at the end of the file, too.
  m.put(other + kFrom + "Subject: zeros\n\n" + std::string(3, '\0') + "\nlast\n\n");
  REQUIRE(m.load());
  REQUIRE(m.records.size() == 2);
  CHECK(m.text(m.records[1]).ends_with("last\r\n"));
}

// What the tests of mbox files share: messages, UIDs given as Store does, a scan that must agree.
#pragma once

#include "mail_file_fixture.h"

namespace dmail::store {

inline const std::string kFrom = "From ann@example.org Sat Nov 21 11:05:22 2026\n";
inline const std::string kOne = "Subject: one\r\n\r\nbody\r\n";
inline const std::string kTwo =
    "Subject: two\r\n\r\nFrom here on\r\n>From there\r\n\r\nFrom ann@example.org Sat Nov 21 "
    "11:05:22 2026\r\n";

inline std::string lf(std::string s) {
  for (size_t i; (i = s.find("\r\n")) != s.npos;) s.erase(i, 1);
  return s;
}

// Assigns UIDs to all that have none and writes the state, as Store does.
inline bool assign(MailDir& m) {
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
inline void check_rescan(MailDir& m) {
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

}  // namespace dmail::store

// What fuzz_mbox.cc and fuzz_mbx.cc do with a mail file.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "io/file.h"
#include "store/mail_file.h"

inline void must(bool ok) {
  if (!ok) std::abort();
}

inline std::string text_of(int fd, const dmail::store::Record& r) {
  dmail::store::TextReader reader(fd, r);
  std::string all;
  for (;;) {
    auto piece = reader.next();
    must(piece.ok());
    if (piece->empty()) break;
    all.append(*piece);
  }
  must(all.size() == r.size && r.header_size <= r.size);
  return all;
}

inline int fuzz_mail_file(const uint8_t* data, size_t size) {
  using namespace dmail;
  using namespace dmail::store;
  static const std::string journal = "/dev/shm/dmail-fuzz-" + std::to_string(::getpid());
  static const int fd = ::memfd_create("mail", MFD_CLOEXEC);
  set_sync_enabled(false);
  must(truncate_to(fd, 0).ok());
  must(write_at(fd, {reinterpret_cast<const char*>(data), size}, 0).ok());
  auto opened = MailFile::open(fd, journal, true);
  if (!opened) return 0;
  MailFile& file = **opened;
  KeywordTable keywords;
  auto header = file.read_header(keywords);
  if (!header) return 0;
  std::vector<Record> records;
  auto end = file.scan(0, keywords, [&](const Record& r) { records.push_back(r); });
  if (!end) return 0;
  must(*end <= size);
  uint64_t at = 0;
  std::vector<std::string> texts;
  for (const Record& r : records) {
    must(r.offset >= at && r.offset + r.prefix_size + r.raw_size <= *end);
    at = r.offset + r.prefix_size + r.raw_size;
    texts.push_back(text_of(fd, r));
    must(file.verify(r));
  }
  if (!records.empty()) {
    size_t n = records.size() / 2;
    must(file.scan(records[n].offset, keywords,
                   [&](const Record& r) {
                     must(n < records.size() && r.offset == records[n].offset &&
                          r.size == records[n].size);
                     ++n;
                   })
             .ok());
    must(n == records.size());
  }
  // Everybody gets a UID, the first message goes, what is left reads as before.
  std::vector<Record*> changed;
  uint32_t uid = 0;
  for (Record& r : records) {
    r.uid = ++uid;
    changed.push_back(&r);
  }
  header->uid_validity = 7;
  header->last_uid = uid;
  must(file.write_state(changed, records, keywords, *header).ok());
  if (!records.empty()) records[0].form |= kExpunged;
  must(file.expunge(records, keywords, *header).ok());
  if (!records.empty()) {
    records.erase(records.begin());
    texts.erase(texts.begin());
  }
  must(file.compact(records, keywords, *header).ok());
  std::vector<std::string> now;
  KeywordTable again;
  must(file.scan(0, again, [&](const Record& r) { now.push_back(text_of(fd, r)); }).ok());
  must(now == texts);
  return 0;
}

// A mailbox whose index and cache were damaged at will: it must open, answer, change and, with the
// index gone, hold the same mail as before.  Input: edits of 5 bytes (what and where, new value);
// the first may ask for right check words over wrong values.
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/file.h"
#include "store/index_format.h"
#include "store/mailbox.h"

using namespace dmail::store;

namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Bed {
  Bed() {
    dmail::set_sync_enabled(false);
    char name[] = "/tmp/dmail-fuzz-XXXXXX";
    config.drop_file = std::string(::mkdtemp(name)) + "/u";
    config.folders = config.drop_file + ".mbx";
    store = std::move(*Store::open(config));
    (void)store->create("A").ok();
    auto appender = std::move(*store->append("A"));
    for (int i = 0; i < 6; ++i) {
      (void)appender->begin({i % 2 ? uint32_t{kSeen} : 0u, {"word"}, 1000000 + i, 0, ""}).ok();
      (void)appender->write("Subject: " + std::to_string(i) + "\r\n\r\nbody\r\n").ok();
      (void)appender->end().ok();
    }
    (void)appender->commit().ok();
    mail = read_all(config.folders + "/A");
    for (const char* ending : {".idx", ".cache"})
      side.push_back(read_all(config.folders + "/.index/A" + ending));
  }
  ~Bed() { std::filesystem::remove_all(std::filesystem::path(config.drop_file).parent_path()); }
  StoreConfig config;
  std::unique_ptr<Store> store;
  std::string mail;
  std::vector<std::string> side;
};

void use(Store& store) {
  auto opened = store.select("A", false);
  if (!opened) return;
  Mailbox& box = **opened;
  (void)box.first_unseen();
  for (uint32_t n = 1; n <= box.count() && n < 20; ++n) {
    (void)box.info(n);
    (void)box.text(n).ok();
    (void)box.envelope(n).ok();
    (void)box.body_structure(n).ok();
  }
  dmail::UidSet some;
  some.add(1, 3);
  FlagChange change;
  change.flags = kDeleted;
  change.keywords = {"new"};
  (void)box.change_flags(some, change).ok();
  (void)box.sync(false).ok();
  change.action = FlagAction::Remove;
  (void)box.change_flags(some, change).ok();
  (void)box.sync(true).ok();
}

// Makes the check words right again, so that what they protect is met damaged.
void seal(std::string& index) {
  if (index.size() < kRecordsAt) return;
  IndexHeader header;
  std::memcpy(&header, index.data(), sizeof header);
  header.check = header_check(header);
  std::memcpy(index.data(), &header, sizeof header);
  for (size_t at = kRecordsAt; at + sizeof(Record) <= index.size(); at += sizeof(Record)) {
    Record r;
    std::memcpy(&r, index.data() + at, sizeof r);
    r.record_crc = record_check(r);
    std::memcpy(index.data() + at, &r, sizeof r);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Bed bed;
  std::vector<std::string> side = bed.side;
  for (size_t i = 0; i + 5 <= size; i += 5) {
    std::string& bytes = side[data[i] % 2];
    size_t at = (data[i + 1] << 16 | data[i + 2] << 8 | data[i + 3]) % (bytes.size() + 1);
    if (data[i] & 32) at %= sizeof(IndexHeader);
    if (data[i] & 16 && bytes.size() > kRecordsAt)
      at = kRecordsAt + at % (bytes.size() - kRecordsAt);
    if (data[i] & 128)
      bytes.resize(at);
    else if (at < bytes.size())
      bytes[at] = static_cast<char>(data[i + 4]);
    if (bytes.empty()) bytes.push_back('x');
  }
  if (size > 0 && data[0] & 64) seal(side[0]);
  const std::string base = bed.config.folders + "/.index/A";
  std::ofstream(bed.config.folders + "/A", std::ios::binary | std::ios::trunc) << bed.mail;
  // Named anew, as nobody truncates a mapped index.
  for (const char* ending : {".idx", ".cache"}) ::unlink((base + ending).c_str());
  std::ofstream(base + ".idx", std::ios::binary) << side[0];
  std::ofstream(base + ".cache", std::ios::binary) << side[1];
  use(*bed.store);
  ::unlink((base + ".idx").c_str());
  auto box = bed.store->select("A", true);
  if (!box || (*box)->count() != 6) abort();
  for (uint32_t n = 1; n <= 6; ++n) {
    auto text = (*box)->text(n);
    if (!text || *text != "Subject: " + std::to_string(n - 1) + "\r\n\r\nbody\r\n") abort();
  }
  return 0;
}

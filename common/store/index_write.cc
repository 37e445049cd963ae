// Index: a generation made, and written to.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/index.h"

namespace dmail::store {
namespace {

std::string keyword_bytes(const KeywordTable& keywords) {
  std::string out(keywords.names().size() * kKeywordSlot, '\0');
  for (size_t i = 0; i < keywords.names().size(); ++i) {
    const std::string& name = keywords.names()[i];
    out[i * kKeywordSlot] = static_cast<char>(name.size());
    name.copy(out.data() + i * kKeywordSlot + 1, kKeywordSlot - 1);
  }
  return out;
}

Status fill(int fd, IndexHeader header, const KeywordTable& keywords,
            std::span<const Record> records) {
  std::string front(kKeywordsAt, '\0');
  const std::string names = keyword_bytes(keywords);
  header.keyword_count = static_cast<uint32_t>(keywords.names().size());
  header.keyword_check = crc32(names);
  header.check = header_check(header);
  std::memcpy(front.data(), &header, sizeof header);
  front += names;
  DMAIL_TRY(write_at(fd, front, 0));
  constexpr size_t kAtOnce = 1024;
  std::vector<Record> some;
  for (size_t i = 0; i < records.size(); i += kAtOnce) {
    const auto part = records.subspan(i, std::min(kAtOnce, records.size() - i));
    some.assign(part.begin(), part.end());
    for (Record& r : some) r.record_crc = record_check(r);
    DMAIL_TRY(write_at(fd,
                       {reinterpret_cast<const char*>(some.data()), some.size() * sizeof(Record)},
                       kRecordsAt + i * sizeof(Record)));
  }
  return {};
}

Result<OwnedFd> write_generation(int directory, const std::string& name, const IndexHeader& header,
                                 const KeywordTable& keywords, std::span<const Record> records) {
  const std::string temporary = concat(name, ".", ::getpid(), ".new");
  (void)::unlinkat(directory, temporary.c_str(), 0);
  auto fd = open_file_at(directory, temporary, O_RDWR | O_CREAT | O_EXCL);
  if (!fd) return fd;
  Status done = fill(fd->get(), header, keywords, records);
  if (done && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    done = system_error("rename " + temporary, errno);
  if (done) return fd;
  (void)::unlinkat(directory, temporary.c_str(), 0);
  return std::move(done.error());
}

}  // namespace

Result<std::unique_ptr<Index>> Index::create(int directory, const std::string& name,
                                             bool private_copy, IndexHeader header,
                                             const KeywordTable& keywords,
                                             std::span<const Record> records) {
  std::unique_ptr<Index> index(new Index);
  auto fd = write_generation(directory, name, header, keywords, records);
  if (!fd) {
    // What stands under the name is out of date and must not be taken for the truth.
    (void)::unlinkat(directory, name.c_str(), 0);
    auto memory = in_memory(header, keywords, records);
    return memory ? std::move(memory) : std::move(fd.error());
  }
  index->fd_ = std::move(*fd);
  index->private_copy_ = private_copy;
  index->generation_ = header.generation;
  // A mailbox without records still has room for its ring to be read.
  if (records.empty()) DMAIL_TRY(write_at(index->fd_.get(), std::string(1, '\0'), kRecordsAt - 1));
  if (!index->reach(index_bytes(static_cast<uint32_t>(records.size()))))
    return index_damaged(name + " cannot be mapped");
  return index;
}

Result<std::unique_ptr<Index>> Index::in_memory(IndexHeader header, const KeywordTable& keywords,
                                                std::span<const Record> records) {
  std::unique_ptr<Index> index(new Index);
  const int memory = ::memfd_create("index", MFD_CLOEXEC);
  if (memory < 0) return system_error("memfd_create", errno);
  index->fd_ = OwnedFd(memory);
  index->in_memory_ = true;
  index->generation_ = header.generation;
  DMAIL_TRY(fill(memory, header, keywords, records));
  if (records.empty()) DMAIL_TRY(write_at(memory, std::string(1, '\0'), kRecordsAt - 1));
  if (!index->reach(index_bytes(static_cast<uint32_t>(records.size()))))
    return index_damaged("it cannot be mapped");
  return index;
}

Status Index::write(std::string_view bytes, uint64_t at) {
  DMAIL_TRY(write_at(fd_.get(), bytes, at));
  if (private_copy_) {
    if (copy_.size() < at + bytes.size()) copy_.resize(at + bytes.size());
    bytes.copy(copy_.data() + at, bytes.size());
    base_ = copy_.data();
    mapped_ = readable_ = copy_.size();
  }
  return {};
}

Status Index::write_header(IndexHeader& header) {
  header.check = header_check(header);
  return write({reinterpret_cast<const char*>(&header), sizeof header}, 0);
}

Status Index::write_records(uint32_t position, std::span<Record> records) {
  if (records.empty()) return {};
  for (Record& r : records) r.record_crc = record_check(r);
  return write({reinterpret_cast<const char*>(records.data()), records.size() * sizeof(Record)},
               index_bytes(position));
}

Status Index::write_note(IndexHeader& header, ChangeNote note) {
  const uint64_t word = pack_note(note, header.notes);
  DMAIL_TRY(write({reinterpret_cast<const char*>(&word), sizeof word},
                  kRingAt + header.notes % kRingSize * sizeof word));
  ++header.notes;
  return {};
}

Status Index::write_keywords(IndexHeader& header, const KeywordTable& keywords) {
  const std::string names = keyword_bytes(keywords);
  DMAIL_TRY(write(names, kKeywordsAt));
  header.keyword_check = crc32(names);
  header.keyword_count = static_cast<uint32_t>(keywords.names().size());
  ++header.keyword_version;
  return {};
}

Status Index::write_cache_place(uint32_t position, uint64_t place) {
  return write({reinterpret_cast<const char*>(&place), sizeof place},
               index_bytes(position) + offsetof(Record, cache));
}

}  // namespace dmail::store

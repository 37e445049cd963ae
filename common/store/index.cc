#include "store/index.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/ascii.h"
#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"

namespace dmail::store {
namespace {

constexpr size_t kMapStep = size_t{1} << 20;
constexpr int kHeaderTries = 200, kRecordTries = 30;

bool plausible(const IndexHeader& h) {
  return h.magic == kIndexMagic && h.version == kIndexVersion && h.check == header_check(h) &&
         h.record_count <= kMaxRecords && uint64_t{h.messages} + h.dead == h.record_count &&
         h.unseen <= h.messages && h.deleted <= h.messages && h.keyword_count <= kMaxKeywords &&
         h.first_unseen <= h.record_count && h.dead_low <= h.dead_high &&
         h.dead_high <= h.record_count && h.next_uid > h.record_count &&
         h.first_recent_uid <= h.next_uid && h.uid_validity != 0 && h.end_offset <= h.file.size;
}

}  // namespace

std::array<uint8_t, 16> boot_id() {
  static const std::array<uint8_t, 16> id = [] {
    std::array<uint8_t, 16> out{};
    char text[64];
    const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return out;
    const ssize_t n = ::read(fd, text, sizeof text);
    ::close(fd);
    size_t digits = 0;
    for (ssize_t i = 0; i < n && digits < 32; ++i) {
      const int v = hex_value(text[i]);
      if (v < 0) continue;
      out[digits / 2] = static_cast<uint8_t>(out[digits / 2] << 4 | v);
      ++digits;
    }
    return out;
  }();
  return id;
}

Index::~Index() {
  if (!private_copy_ && base_ != nullptr) ::munmap(const_cast<char*>(base_), mapped_);
}

Result<std::unique_ptr<Index>> Index::open(int directory, const std::string& name,
                                           bool private_copy) {
  auto fd = open_file_at(directory, name, O_RDWR);
  if (!fd) return std::move(fd.error());
  std::unique_ptr<Index> index(new Index);
  index->fd_ = std::move(*fd);
  index->private_copy_ = private_copy;
  if (!index->reach(kRecordsAt)) return index_damaged(name + " is too short");
  const auto header = index->header();
  if (!header) return index_damaged(name + " has no whole header");
  index->generation_ = header->generation;
  if (!index->reach(index_bytes(header->record_count)))
    return index_damaged(name + " was cut short");
  Record last;
  if (header->record_count > 0 &&
      (!index->record(header->record_count - 1, last) || last.uid >= header->next_uid))
    return index_damaged(name + " has a torn last record");
  return index;
}

bool Index::load() {
  auto st = stat_fd(fd_.get());
  if (!st || st->st_size < 0 || static_cast<uint64_t>(st->st_size) > index_bytes(kMaxRecords))
    return false;
  copy_.resize(static_cast<size_t>(st->st_size));
  auto n = read_at(fd_.get(), copy_, 0);
  if (!n) return false;
  copy_.resize(*n);
  base_ = copy_.data();
  mapped_ = readable_ = copy_.size();
  return true;
}

bool Index::reach(uint64_t bytes) {
  if (bytes <= readable_) return true;
  if (private_copy_) return load() && bytes <= readable_;
  auto st = stat_fd(fd_.get());
  if (!st || static_cast<uint64_t>(st->st_size) < bytes) return false;
  if (bytes > mapped_) {
    // Room to grow, so that a new message seldom means a new mapping.
    const size_t want =
        (std::max<size_t>(bytes + bytes / 4, kMapStep) + kMapStep - 1) / kMapStep * kMapStep;
    void* map = ::mmap(nullptr, want, PROT_READ, MAP_SHARED, fd_.get(), 0);
    if (map == MAP_FAILED) return false;
    if (base_ != nullptr) ::munmap(const_cast<char*>(base_), mapped_);
    base_ = static_cast<const char*>(map);
    mapped_ = want;
    guard_ = MapGuard();
    guard_ = MapGuard(base_, mapped_);
  }
  readable_ = std::min<uint64_t>(static_cast<uint64_t>(st->st_size), mapped_);
  return true;
}

std::optional<IndexHeader> Index::header() {
  IndexHeader h;
  if (private_copy_) {
    auto n = read_at(fd_.get(), {reinterpret_cast<char*>(&h), sizeof h}, 0);
    if (!n || *n != sizeof h || !plausible(h)) return std::nullopt;
    if (generation_ != 0 && h.generation != generation_) return std::nullopt;
    if (base_ == nullptr || copy_.size() < sizeof h || std::memcmp(copy_.data(), &h, sizeof h) != 0)
      if (!load()) return std::nullopt;
    return h;
  }
  if (base_ == nullptr) return std::nullopt;
  for (int i = 0; i < kHeaderTries; ++i) {
    // Writers replace the header in one piece; a copy taken meanwhile fails its check.
    std::atomic_thread_fence(std::memory_order_acquire);
    std::memcpy(&h, base_, sizeof h);
    if (plausible(h) && generation_ != 0 && h.generation != generation_) return std::nullopt;
    if (plausible(h)) return reach(index_bytes(h.record_count)) ? std::optional(h) : std::nullopt;
    if (h.magic != kIndexMagic || h.version != kIndexVersion) return std::nullopt;
    if (i > 20) ::sched_yield();
  }
  return std::nullopt;
}

std::optional<IndexHeader> Index::peek(int directory, const std::string& name) {
  auto fd = open_file_at(directory, name, O_RDONLY);
  if (!fd) return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    IndexHeader h;
    auto n = read_at(fd->get(), {reinterpret_cast<char*>(&h), sizeof h}, 0);
    if (n && *n == sizeof h && plausible(h)) return h;
  }
  return std::nullopt;
}

const Record* Index::raw(uint32_t position) {
  if (!reach(index_bytes(position + 1))) return nullptr;
  return reinterpret_cast<const Record*>(base_ + index_bytes(position));
}

bool Index::same_generation() const {
  uint64_t now = 0;
  std::memcpy(&now, base_ + offsetof(IndexHeader, generation), sizeof now);
  return now == generation_;
}

bool Index::record(uint32_t position, Record& out) {
  if (position >= kMaxRecords) return false;
  for (int i = 0; i < kRecordTries; ++i) {
    const Record* r = raw(position);
    if (r == nullptr) return false;
    std::memcpy(&out, r, sizeof out);
    if (out.record_crc == record_check(out) && same_generation()) return true;
    // Somebody writes it just now, or it is damaged.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (i >= kRecordTries - 3)
      ::usleep(1000);
    else if (i > 3)
      ::sched_yield();
    if (private_copy_ && !load()) return false;
  }
  return false;
}

uint32_t Index::field(size_t at) const {
  uint32_t v = 0;
  if (private_copy_) {
    auto n = read_at(fd_.get(), {reinterpret_cast<char*>(&v), sizeof v}, at);
    return n && *n == sizeof v ? v : 1;  // odd, and superseded: look again
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  std::memcpy(&v, base_ + at, sizeof v);
  std::atomic_thread_fence(std::memory_order_acquire);
  return v;
}

uint32_t Index::layout() const { return field(offsetof(IndexHeader, layout)); }

bool Index::superseded() const { return field(offsetof(IndexHeader, superseded)) != 0; }

bool Index::unlinked() const {
  if (in_memory_) return false;
  auto st = stat_fd(fd_.get());
  return !st || st->st_nlink == 0;
}

bool Index::note(uint64_t number, ChangeNote& out) {
  if (readable_ < kRecordsAt) return false;
  uint64_t word = 0;
  std::memcpy(&word, base_ + kRingAt + number % kRingSize * sizeof word, sizeof word);
  out.first = word & 0x3ffffff;
  out.last = word >> 26 & 0x3ffffff;
  return out.first <= out.last && word == pack_note(out, number);
}

bool Index::keywords_hold() {
  const auto h = header();
  return h && crc32({base_ + kKeywordsAt, h->keyword_count * kKeywordSlot}) == h->keyword_check;
}

KeywordTable Index::keywords() {
  KeywordTable table;
  const auto h = header();
  if (!h) return table;
  for (uint32_t i = 0; i < h->keyword_count; ++i) {
    const char* slot = base_ + kKeywordsAt + i * kKeywordSlot;
    const auto length = static_cast<uint8_t>(slot[0]);
    // A damaged name keeps its bit, under a name that no client sets.
    std::string_view name(slot + 1, std::min<size_t>(length, kMaxKeywordLength));
    const bool good = length > 0 && length <= kMaxKeywordLength &&
                      std::all_of(name.begin(), name.end(), is_graph) && !table.find(name);
    const std::string stand_in = concat("$Damaged", i);
    (void)table.add(good ? name : std::string_view(stand_in));
  }
  return table;
}

std::optional<uint32_t> Index::lower_bound(uint32_t uid, uint32_t count) {
  if (count == 0) return 0;
  if (!reach(index_bytes(count))) return std::nullopt;
  const auto* first = reinterpret_cast<const Record*>(base_ + kRecordsAt);
  const auto* at = std::lower_bound(
      first, first + count, uid, [](const Record& r, uint32_t wanted) { return r.uid < wanted; });
  const auto place = static_cast<uint32_t>(at - first);
  // Whatever damaged records led the search past: its neighbours tell whether it ended well.
  Record r;
  if (place > 0 && (!record(place - 1, r) || r.uid >= uid)) return std::nullopt;
  if (place < count && (!record(place, r) || r.uid < uid)) return std::nullopt;
  return place;
}

Result<Index::Scratch> Index::scratch(uint32_t count) {
  Scratch s;
  if (count == 0) return s;
  if (!reach(index_bytes(count))) return index_damaged("cut short");
  if (private_copy_) {
    const auto* first = reinterpret_cast<const Record*>(base_ + kRecordsAt);
    s.copy_.assign(first, first + count);
    s.records = s.copy_;
    return s;
  }
  void* map =
      ::mmap(nullptr, index_bytes(count), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd_.get(), 0);
  if (map == MAP_FAILED) return system_error("mmap of an index", errno);
  s.map_ = map;
  s.map_size_ = index_bytes(count);
  s.guard_ = MapGuard(map, s.map_size_);
  s.records = {reinterpret_cast<Record*>(static_cast<char*>(map) + kRecordsAt), count};
  return s;
}

Index::Scratch::Scratch(Scratch&& other) noexcept { *this = std::move(other); }

Index::Scratch& Index::Scratch::operator=(Scratch&& other) noexcept {
  std::swap(map_, other.map_);
  std::swap(map_size_, other.map_size_);
  guard_ = std::move(other.guard_);
  std::swap(copy_, other.copy_);
  std::swap(records, other.records);
  return *this;
}

Index::Scratch::~Scratch() {
  if (map_ != nullptr) ::munmap(map_, map_size_);
}

}  // namespace dmail::store

// Box: the records of its index, and the generations that hold them.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "io/clock.h"
#include "store/box.h"

namespace dmail::store {
namespace {

constexpr uint64_t kLargeCache = uint64_t{4} << 20, kCachePerMessage = 8 * 1024;
constexpr uint32_t kManyDead = 64;
constexpr uint64_t kMuchDeadRoom = uint64_t{1} << 20;

}  // namespace

uint64_t Box::used_keywords(const IndexHeader& header) const {
  uint64_t used = 0;
  for (uint32_t i = 0; i < header.record_count; ++i)
    if (const Record* r = index_->raw(i); r != nullptr && !(r->form & kExpunged))
      used |= r->keywords;
  return used;
}

std::optional<unsigned> Box::place_keyword(const IndexHeader& header, std::string_view name,
                                           uint64_t& wanted) {
  auto bit = keywords_.add(name, file_->keyword_limit());
  if (!bit && is_keyword(name)) {
    const uint64_t used = wanted | used_keywords(header);
    for (unsigned i = 0; !bit && i < keywords_.names().size(); ++i)
      if (!(used >> i & 1) && keywords_.replace(i, name)) bit = i;
  }
  if (bit) wanted |= uint64_t{1} << *bit;
  return bit;
}

Status Box::add_records(Held& held, std::span<Record> records) {
  IndexHeader& h = held.header;
  if (keywords_.names() != index_->keywords().names())
    DMAIL_TRY(index_->write_keywords(h, keywords_));
  DMAIL_TRY(index_->write_records(h.record_count, records));
  for (const Record& r : records) {
    if (h.first_unseen == h.record_count && r.flags & kSeen) ++h.first_unseen;
    ++h.record_count;
    ++h.messages;
    h.unseen += r.flags & kSeen ? 0 : 1;
    h.deleted += r.flags & kDeleted ? 1 : 0;
    h.total_size += r.size;
    h.next_uid = std::max(h.next_uid, r.uid + 1);
  }
  return {};
}

Result<Index::Scratch> Box::live_records(const Held& held, std::vector<Record>& storage,
                                         std::vector<uint32_t>& positions,
                                         std::span<Record>& live) {
  const IndexHeader& h = held.header;
  positions.clear();
  if (h.dead == 0) {
    auto scratch = index_->scratch(h.record_count);
    if (scratch) live = scratch->records;
    return scratch;
  }
  storage.clear();
  storage.reserve(h.messages);
  positions.reserve(h.messages);
  for (uint32_t i = 0; i < h.record_count; ++i) {
    Record r;
    if (!index_->record(i, r)) return damaged();
    if (r.form & kExpunged) continue;
    storage.push_back(r);
    positions.push_back(i);
  }
  live = storage;
  return Index::Scratch();
}

bool Box::whole(std::span<const Record> records) {
  return std::all_of(records.begin(), records.end(),
                     [](const Record& r) { return r.record_crc == record_check(r); });
}

Error Box::damaged() const {
  return {ErrorKind::Corrupt, "The mailbox index is damaged", place_.path + ": index damaged"};
}

Status Box::write_back(const std::vector<uint32_t>& positions, std::span<Record> live) {
  const auto position = [&](size_t i) {
    return positions.empty() ? static_cast<uint32_t>(i) : positions[i];
  };
  const auto differs = [&](size_t i) {
    const Record* r = index_->raw(position(i));
    // Without the check word: what did not change is not written, least of all when it is damaged.
    return r == nullptr || std::memcmp(r, &live[i], offsetof(Record, record_crc)) != 0;
  };
  for (size_t i = 0; i < live.size();) {
    if (!differs(i)) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < live.size() && end - i < 4096 && position(end) == position(end - 1) + 1 &&
           differs(end))
      ++end;
    DMAIL_TRY(index_->write_records(position(i), live.subspan(i, end - i)));
    i = end;
  }
  return {};
}

Status Box::new_generation(Held& held) {
  std::vector<Record> storage;
  std::vector<uint32_t> positions;
  std::span<Record> live;
  auto scratch = live_records(held, storage, positions, live);
  if (!scratch) return std::move(scratch.error());
  if (!whole(live)) return damaged();
  return install(held, held.header, live);
}

Status Box::install(Held& held, IndexHeader header, std::span<const Record> records) {
  header.record_count = header.messages = static_cast<uint32_t>(records.size());
  header.dead = header.dead_low = header.dead_high = 0;
  header.unseen = header.deleted = 0;
  header.first_unseen = header.record_count;
  header.total_size = 0;
  for (uint32_t i = 0; i < header.record_count; ++i) {
    const Record& r = records[i];
    if (!(r.flags & kSeen) && header.unseen++ == 0) header.first_unseen = i;
    if (r.flags & kDeleted) ++header.deleted;
    header.total_size += r.size;
  }
  header.generation = std::max(header.generation + 1, static_cast<uint64_t>(wall_microseconds()));
  header.superseded = 0;
  header.layout = 0;
  header.notes = 0;
  header.keyword_count = static_cast<uint32_t>(keywords_.names().size());
  ++header.keyword_version;
  auto made = Index::create(context_->index.get(), place_.index_name + ".idx",
                            context_->config.shared_spool, header, keywords_, records);
  if (!made) return std::move(made.error());
  if (index_) {
    if (auto old = index_->header()) {
      old->superseded = 1;
      (void)index_->write_header(*old).ok();  // who misses it finds the name taken by another file
    }
  }
  index_ = std::move(*made);
  held.header = header;
  held.next_before = 0;
  return keep_uids(held);
}

void Box::tidy() {
  if (!index_) return;
  const auto h = index_->header();
  if (!h || h->superseded || h->dirty) return;
  const bool records = h->dead > kManyDead && h->dead > h->messages / 4;
  const bool cache = cache_.size() > kLargeCache + uint64_t{h->messages} * kCachePerMessage;
  const bool room = is_mbx_ && h->dead_bytes > kMuchDeadRoom && h->dead_bytes > h->file.size / 4;
  if (!records && !room && !cache) return;
  // Nobody else may have it selected: they hold a shared lock on the index.
  auto alone = FileLock::take(index_->fd(), LockMode::Exclusive, Deadline::in_ms(0));
  if (!alone) return;
  auto held = lock();
  if (!held) return;
  // Mostly entries of messages that are gone; what is asked for again is made again.
  if (cache) cache_.discard();
  if (room) {
    std::vector<Record> storage;
    std::vector<uint32_t> positions;
    std::span<Record> live;
    auto scratch = live_records(*held, storage, positions, live);
    if (!scratch || !whole(live)) return;
    held->header.layout |= 1;
    if (!begin(*held)) return;
    auto won = file_->compact(live, keywords_, file_header(held->header));
    if (!won) {
      report("compaction-failed", won.error().log);
      return abandon(*held);
    }
    held->header.dead_bytes = 0;
    auto now = identity();
    if (!now) return;
    held->header.file = *now;
    held->header.end_offset = now->size;
    held->header.dirty = 0;
    (void)install(*held, held->header, live).ok();  // a failure leaves the index dirty
    return;
  }
  if (records) (void)new_generation(*held).ok();
}

}  // namespace dmail::store

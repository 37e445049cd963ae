// SessionMailbox: flags and expunge.
#include <algorithm>

#include "store/session_mailbox.h"

namespace dmail::store {
namespace {

Error replaced() { return Error{ErrorKind::NotFound, "The mailbox was deleted or replaced", ""}; }
Error read_only_error() {
  return Error{ErrorKind::NoPermission, "The mailbox is open for reading only", ""};
}

// Over this many separate ranges others are told to look for themselves.
constexpr size_t kMaxNotes = kRingSize / 4;

void count_flags(IndexHeader& h, const Record& before, const Record& after) {
  const auto bit = [](const Record& r, uint32_t flag) { return (r.flags & flag) != 0 ? 1u : 0u; };
  h.unseen += bit(before, kSeen);
  h.unseen -= bit(after, kSeen);
  h.deleted += bit(after, kDeleted);
  h.deleted -= bit(before, kDeleted);
}

void drop_counts(IndexHeader& h, const Record& r) {
  --h.messages;
  ++h.dead;
  if (!(r.flags & kSeen)) --h.unseen;
  if (r.flags & kDeleted) --h.deleted;
  h.total_size -= r.size;
  h.dead_bytes += r.prefix_size + r.raw_size;
}

}  // namespace

struct SessionMailbox::Targets {
  uint32_t flags = 0;
  uint64_t keywords = 0;
  bool new_keywords = false;
  struct One {
    uint32_t position;  // in the live index
    uint32_t flags;
    uint64_t keywords;
  };
  std::vector<One> to_write;
};

// Writes change notes for ascending `positions`.
void SessionMailbox::write_notes(IndexHeader& header, const std::vector<uint32_t>& positions) {
  std::vector<ChangeNote> notes;
  for (uint32_t at : positions) {
    if (!notes.empty() && notes.back().last + 1 == at)
      notes.back().last = at;
    else
      notes.push_back({at, at});
  }
  if (notes.size() > kMaxNotes) {
    header.notes += kRingSize + 1;  // as if the ring had gone past everybody
    return;
  }
  for (const ChangeNote& note : notes)
    if (!box_->index()->write_note(header, note)) header.notes += kRingSize + 1;
}

// This session knows of everything up to now (its own change included).
void SessionMailbox::caught_up(const Box::Held& held) {
  if (view_ != box_->index()) return;
  notes_ = held.header.notes;
  heard_ = highest_ = held.header.highest_mod_sequence;
}

Status SessionMailbox::pick(const UidSet& numbers, const FlagChange& change, const Box::Held& held,
                            Targets& targets, FlagOutcome& out) {
  KeywordTable& table = box_->keywords();
  const std::vector<std::string> names_before = table.names();
  targets.flags = change.flags & kSystemFlags;
  for (const std::string& name : change.keywords) {
    if (change.action == FlagAction::Remove) {
      if (const auto bit = table.find(name)) targets.keywords |= uint64_t{1} << *bit;
    } else if (!box_->place_keyword(held.header, name, targets.keywords)) {
      out.keywords_full = true;  // then nothing is changed
      return {};
    }
  }
  targets.new_keywords = table.names() != names_before;
  if (held.header.uid_validity != uid_validity_) return replaced();
  for (const UidRange& range : numbers.ranges()) {
    for (uint64_t n = std::max(range.first, 1u); n <= std::min(range.last, count()); ++n) {
      const auto number = static_cast<uint32_t>(n);
      uint32_t at = 0;
      Record r;
      const Place place = live_position(number, at);
      if (place == Place::Damaged) return box_->damaged();
      if (place == Place::Gone) {
        out.gone.push_back(number);
        continue;
      }
      if (!box_->index()->record(at, r)) return box_->damaged();
      if (r.form & kExpunged) {
        out.gone.push_back(number);
        continue;
      }
      if (change.unchanged_since && r.mod_sequence > *change.unchanged_since) {
        out.modified.push_back(number);
        continue;
      }
      uint32_t flags = r.flags;
      uint64_t keywords = r.keywords;
      switch (change.action) {
        case FlagAction::Replace:
          flags = targets.flags, keywords = targets.keywords;
          break;
        case FlagAction::Add:
          flags |= targets.flags, keywords |= targets.keywords;
          break;
        case FlagAction::Remove:
          flags &= ~targets.flags, keywords &= ~targets.keywords;
          break;
      }
      if (flags == r.flags && keywords == r.keywords) continue;
      targets.to_write.push_back({at, flags, keywords});
      out.changed.push_back(number);
    }
  }
  return {};
}

Status SessionMailbox::write_flags(Box::Held& held, Targets& targets) {
  std::vector<Record> storage;
  std::vector<uint32_t> positions;
  std::span<Record> live;
  auto scratch = box_->live_records(held, storage, positions, live);
  if (!scratch) return std::move(scratch.error());
  IndexHeader& h = held.header;
  std::vector<Record*> changed;
  std::vector<uint32_t> touched;
  changed.reserve(targets.to_write.size());
  touched.reserve(targets.to_write.size());
  const uint64_t mod_sequence = next_mod_sequence(h);
  IndexHeader counts = h;
  for (const Targets::One& one : targets.to_write) {
    const size_t i = positions.empty()
                         ? one.position
                         : static_cast<size_t>(
                               std::lower_bound(positions.begin(), positions.end(), one.position) -
                               positions.begin());
    const Record before = live[i];
    live[i].flags = one.flags;
    live[i].keywords = one.keywords;
    live[i].mod_sequence = mod_sequence;
    live[i].record_crc = record_check(live[i]);
    count_flags(counts, before, live[i]);
    changed.push_back(&live[i]);
    touched.push_back(one.position);
  }
  const uint32_t layout = h.layout;
  h.layout |= 1;  // mbox may have to move what follows
  DMAIL_TRY(box_->begin(held));
  auto moved = box_->file().write_state(changed, live, box_->keywords(), file_header(h));
  if (!moved) {
    box_->abandon(held);
    return std::move(moved.error());
  }
  counts.layout = *moved ? layout + 2 : layout;
  counts.dirty = 1;
  h = counts;
  // On disk from here on: what the index can't take makes it be rebuilt, and is no failure.
  Status kept;
  if (*moved) {
    kept = box_->write_back(positions, live);
    if (auto now = box_->identity()) h.end_offset = now->size;
  } else {
    for (size_t i = 0; kept && i < changed.size();) {
      size_t end = i + 1;
      while (end < changed.size() && touched[end] == touched[end - 1] + 1 &&
             changed[end] == changed[end - 1] + 1)
        ++end;
      kept = box_->index()->write_records(touched[i], {changed[i], end - i});
      i = end;
    }
  }
  if (kept && targets.new_keywords) kept = box_->index()->write_keywords(h, box_->keywords());
  if (!kept) {
    box_->distrust();
    return {};
  }
  for (uint32_t at : touched) {
    if (at >= h.first_unseen) break;
    const Record* r = box_->index()->raw(at);
    if (r != nullptr && !(r->flags & kSeen)) h.first_unseen = at;
  }
  for (int steps = 0; steps < 1000 && h.first_unseen < h.record_count; ++steps, ++h.first_unseen) {
    Record r;
    if (!box_->index()->record(h.first_unseen, r) || !(r.flags & kSeen || r.form & kExpunged))
      break;
  }
  if (h.unseen == 0) h.first_unseen = h.record_count;
  write_notes(h, touched);
  return box_->finish(held);
}

Result<FlagOutcome> SessionMailbox::change_flags(const UidSet& numbers, const FlagChange& change) {
  if (read_only_) return read_only_error();
  return mended([&] { return change_flags_once(numbers, change); });
}

Result<FlagOutcome> SessionMailbox::change_flags_once(const UidSet& numbers,
                                                      const FlagChange& change) {
  auto held = box_->lock();
  if (!held) return std::move(held.error());
  if (view_ == box_->index()) collect(held->header);
  FlagOutcome out;
  Targets targets;
  DMAIL_TRY(pick(numbers, change, *held, targets, out));
  std::sort(targets.to_write.begin(), targets.to_write.end(),
            [](const Targets::One& a, const Targets::One& b) { return a.position < b.position; });
  if (!targets.to_write.empty()) {
    DMAIL_TRY(write_flags(*held, targets));
    if (!box_->index()) DMAIL_TRY(box_->refresh());
    caught_up(*held);
    if (targets.new_keywords) {
      keywords_ = box_->keywords();
      keyword_version_ = held->header.keyword_version;
      keywords_changed_ = true;
    }
  }
  return out;
}

Status SessionMailbox::expunge(const UidSet* only_uids) {
  if (read_only_) return read_only_error();
  return mended([&] { return expunge_once(only_uids); });
}

Status SessionMailbox::expunge_once(const UidSet* only_uids) {
  auto held = box_->lock();
  if (!held) return std::move(held.error());
  if (held->header.uid_validity != uid_validity_) return replaced();
  if (held->header.deleted == 0) return {};
  return expunge_held(*held, only_uids, Doomed::Deleted);
}

Status SessionMailbox::expunge_held(Box::Held& held, const UidSet* only_uids, Doomed doomed) {
  IndexHeader& h = held.header;
  std::vector<Record> storage;
  std::vector<uint32_t> positions;
  std::span<Record> live;
  auto scratch = box_->live_records(held, storage, positions, live);
  if (!scratch) return std::move(scratch.error());
  std::vector<uint32_t> dead;  // places in `live`
  uint32_t deleted = 0;
  for (size_t i = 0; i < live.size(); ++i) {
    const Record& r = std::as_const(live[i]);
    const bool marked = (r.flags & kDeleted) != 0;
    const bool meant = only_uids == nullptr || only_uids->contains(r.uid);
    if (!marked && (doomed == Doomed::Deleted || !meant)) continue;
    if (!Box::whole(live.subspan(i, 1))) return box_->damaged();
    deleted += marked ? 1 : 0;
    if (meant) dead.push_back(static_cast<uint32_t>(i));
  }
  if (deleted != h.deleted) return box_->damaged();
  if (dead.empty()) return {};
  const uint64_t mod_sequence = next_mod_sequence(h);
  for (uint32_t i : dead) {
    live[i].form |= kExpunged;
    live[i].mod_sequence = mod_sequence;
    live[i].record_crc = record_check(live[i]);
  }
  const uint32_t layout = h.layout;
  if (!box_->is_mbx()) h.layout |= 1;
  DMAIL_TRY(box_->begin(held));
  // An empty mbox says nothing of UIDs: the index does.
  if (!box_->is_mbx() && dead.size() == live.size()) DMAIL_TRY(box_->sync_index());
  const auto take_out = [&] {
    return box_->file().expunge(live, box_->keywords(), file_header(h));
  };
  Status done = take_out();
  // A disk without one free block: what the cache has can be made again, and is enough to begin.
  if (!done && done.error().kind == ErrorKind::NoSpace && !box_->file().needs_recovery() &&
      box_->cache().give_room())
    done = take_out();
  if (!done) {
    box_->abandon(held);
    return done;
  }
  // On disk from here on.
  h.layout = box_->is_mbx() ? layout : layout + 2;
  std::vector<uint32_t> touched;
  Status kept;
  if (!box_->is_mbx()) kept = box_->write_back(positions, live);
  for (uint32_t i : dead) {
    const uint32_t at = positions.empty() ? i : positions[i];
    drop_counts(h, live[i]);
    h.dead_low = h.dead == 1 ? at : std::min(h.dead_low, at);
    h.dead_high = h.dead == 1 ? at + 1 : std::max(h.dead_high, at + 1);
    touched.push_back(at);
    if (box_->is_mbx() && kept) kept = box_->index()->write_records(at, live.subspan(i, 1));
  }
  if (!box_->is_mbx()) {
    h.dead_bytes = 0;
    if (auto now = box_->identity()) h.end_offset = now->size;
  }
  if (!kept) {
    box_->distrust();
    return {};
  }
  if (h.unseen == 0) h.first_unseen = h.record_count;
  write_notes(h, touched);
  return box_->finish(held);
}

}  // namespace dmail::store

#include "store/session_mailbox.h"

#include <algorithm>
#include <bit>

#include "io/clock.h"

namespace dmail::store {
namespace {

Error dead_message() { return Error{ErrorKind::NotFound, "The message was expunged", ""}; }

}  // namespace

Result<std::unique_ptr<Mailbox>> SessionMailbox::select(std::unique_ptr<Box> box, bool read_only) {
  std::unique_ptr<SessionMailbox> session(new SessionMailbox(std::move(box), read_only));
  DMAIL_TRY(session->box_->refresh());
  DMAIL_TRY(session->start(!read_only));
  return std::unique_ptr<Mailbox>(std::move(session));
}

SessionMailbox::~SessionMailbox() {
  flush_cache();
  in_use_.release();
  if (!read_only_) box_->tidy();
}

Status SessionMailbox::start(bool claim) {
  auto header = box_->index()->header();
  if (!header || !adopt(*header)) {
    box_->distrust();
    DMAIL_TRY(box_->refresh());
    header = box_->index()->header();
    if (!header || !adopt(*header)) return box_->damaged();
  }
  uid_validity_ = header->uid_validity;
  renumbered_ = header->renumbered;
  if (header->first_recent_uid >= header->next_uid) return {};
  if (claim)
    claim_recent();
  else
    recent_.add(header->first_recent_uid, header->next_uid - 1);
  return {};
}

// The positions of dead records; false when the index is damaged.
bool SessionMailbox::find_dead(Index& index, const IndexHeader& header,
                               std::vector<uint32_t>& dead) {
  dead.clear();
  for (uint32_t i = header.dead_low; i < header.dead_high && dead.size() < header.dead; ++i) {
    Record r;
    if (!index.record(i, r)) return false;
    if (r.form & kExpunged) dead.push_back(i);
  }
  return dead.size() == header.dead && index.keywords_hold();
}

// The view becomes what the index holds now.
bool SessionMailbox::adopt(const IndexHeader& header) {
  in_use_.release();
  view_ = box_->index();
  if (auto lock = FileLock::take(view_->fd(), LockMode::Shared, Deadline::in_ms(0)))
    in_use_ = std::move(*lock);
  known_ = header.record_count;
  pending_dead_.clear();
  pending_flags_.clear();
  const bool good = find_dead(*view_, header, dead_);
  notes_ = header.notes;
  heard_ = highest_ = header.highest_mod_sequence;
  uid_next_ = header.next_uid;
  keyword_version_ = header.keyword_version;
  keywords_ = box_->index()->keywords();
  return good;
}

// New messages become \Recent for this session and no other.
void SessionMailbox::claim_recent() {
  auto held = box_->lock();
  if (!held) return;  // another time, or another session
  const uint32_t end = std::min(uid_next_, held->header.next_uid);
  if (held->header.uid_validity != uid_validity_ || held->header.first_recent_uid >= end) return;
  recent_.add(held->header.first_recent_uid, end - 1);
  held->header.first_recent_uid = end;
  if (!box_->index()->write_header(held->header)) box_->distrust();
}

uint32_t SessionMailbox::position(uint32_t number) const {
  const uint32_t wanted = number - 1;
  size_t low = 0, high = dead_.size();
  while (low < high) {  // how many dead ones come before it
    const size_t middle = (low + high) / 2;
    if (dead_[middle] - middle <= wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return wanted + static_cast<uint32_t>(low);
}

uint32_t SessionMailbox::number_at(uint32_t position) const {
  return position + 1 -
         static_cast<uint32_t>(std::lower_bound(dead_.begin(), dead_.end(), position) -
                               dead_.begin());
}

bool SessionMailbox::has_number(uint32_t position) const {
  return position < known_ && !std::binary_search(dead_.begin(), dead_.end(), position);
}

SessionMailbox::Place SessionMailbox::live_position(uint32_t number, uint32_t& out) {
  out = position(number);
  if (view_ == box_->index()) return Place::Found;
  Record old, now;
  if (!view_->record(out, old)) return Place::Damaged;
  if (old.form & kExpunged) return Place::Gone;
  const auto h = box_->index() ? box_->index()->header() : std::nullopt;
  if (!h) return Place::Damaged;
  if (h->uid_validity != uid_validity_) return Place::Gone;
  const auto at = box_->index()->lower_bound(old.uid, h->record_count);
  if (!at) return Place::Damaged;
  out = *at;
  if (out >= h->record_count) return Place::Gone;
  if (!box_->index()->record(out, now)) return Place::Damaged;
  return now.uid == old.uid ? Place::Found : Place::Gone;
}

Status SessionMailbox::locate(uint32_t number, Record& out, uint32_t* live) {
  uint32_t at = 0;
  if (number == 0 || number > count()) return dead_message();
  const Place place = live_position(number, at);
  if (place == Place::Gone) return dead_message();
  if (live != nullptr) *live = at;
  if (place == Place::Damaged || !box_->index()->record(at, out)) return box_->damaged();
  // mbx keeps the text of what died until compaction makes a new generation.
  if (out.form & kExpunged && !box_->is_mbx()) return dead_message();
  return {};
}

MessageInfo SessionMailbox::info(uint32_t number) {
  MessageInfo info;
  Record r;
  if (!mended([&] { return locate(number, r); })) {
    // Dead, but still numbered: what was last known.
    if (!view_record(position(number), r)) return info;
  }
  info.uid = r.uid;
  info.flags = r.flags & kSystemFlags;
  info.recent = recent_.contains(r.uid);
  info.keywords = r.keywords;
  info.internal_date = r.internal_date;
  info.zone_minutes = r.zone_minutes;
  info.save_date = r.save_date;
  info.size = r.size;
  info.mod_sequence = r.mod_sequence;
  return info;
}

uint32_t SessionMailbox::uid(uint32_t number) {
  Record r;
  return view_record(position(number), r) ? r.uid : 0;
}

uint32_t SessionMailbox::at_or_after(uint32_t uid) {
  auto at = view_->lower_bound(uid, known_);
  if (!at && repair()) at = view_->lower_bound(uid, known_);
  return std::min(number_at(at.value_or(known_)), count() + 1);
}

uint32_t SessionMailbox::recent() const {
  auto* self = const_cast<SessionMailbox*>(this);  // at_or_after may extend the mapping
  uint32_t n = 0;
  for (const UidRange& range : recent_.ranges())
    n += self->at_or_after(range.last + 1) - self->at_or_after(range.first);
  return n;
}

uint32_t SessionMailbox::first_unseen() const {
  auto* self = const_cast<SessionMailbox*>(this);  // view_record may put the view right
  const auto h = view_->header();
  if (!h) return 0;
  if (!h->superseded && h->unseen == 0) return 0;
  for (uint32_t i = h->superseded ? 0 : h->first_unseen; i < known_; ++i) {
    Record r;
    if (self->view_record(i, r) && !(r.flags & kSeen) && !(r.form & kExpunged) && has_number(i))
      return number_at(i);
  }
  return 0;
}

bool SessionMailbox::accepts_keywords() const {
  if (read_only_) return false;
  const size_t limit = box_->file().keyword_limit(), names = keywords_.names().size();
  if (names < limit) return true;
  const auto h = box_->index() ? box_->index()->header() : std::nullopt;
  return h && static_cast<size_t>(std::popcount(box_->used_keywords(*h))) < names;
}

}  // namespace dmail::store

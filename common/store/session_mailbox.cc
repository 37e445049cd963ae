#include "store/session_mailbox.h"

#include <algorithm>

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
  const auto header = box_->index()->header();
  if (!header)
    return Error{ErrorKind::Corrupt, "The mailbox index is damaged",
                 box_->place().path + ": index damaged"};
  adopt(*header);
  uid_validity_ = header->uid_validity;
  if (header->first_recent_uid >= header->next_uid) return {};
  if (claim)
    claim_recent();
  else
    recent_.add(header->first_recent_uid, header->next_uid - 1);
  return {};
}

// The view becomes what the index holds now.
void SessionMailbox::adopt(const IndexHeader& header) {
  in_use_.release();
  view_ = box_->index();
  if (auto lock = FileLock::take(view_->fd(), LockMode::Shared, Deadline::in_ms(0)))
    in_use_ = std::move(*lock);
  known_ = header.record_count;
  dead_.clear();
  pending_dead_.clear();
  pending_flags_.clear();
  for (uint32_t i = header.dead_low; i < header.dead_high && dead_.size() < header.dead; ++i)
    if (const Record* r = view_->raw(i); r != nullptr && r->form & kExpunged) dead_.push_back(i);
  notes_ = header.notes;
  heard_ = highest_ = header.highest_mod_sequence;
  uid_next_ = header.next_uid;
  keyword_count_ = header.keyword_count;
  keywords_ = box_->index()->keywords();
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

bool SessionMailbox::live_position(uint32_t number, uint32_t& out) {
  out = position(number);
  if (view_ == box_->index()) return true;
  const Record* old = view_->raw(out);
  const auto h = box_->index() ? box_->index()->header() : std::nullopt;
  if (old == nullptr || !h || h->uid_validity != uid_validity_) return false;
  const uint32_t wanted = old->uid;
  out = box_->index()->lower_bound(wanted, h->record_count);
  const Record* now = out < h->record_count ? box_->index()->raw(out) : nullptr;
  return now != nullptr && now->uid == wanted;
}

Status SessionMailbox::locate(uint32_t number, Record& out, uint32_t* live) {
  uint32_t at = 0;
  if (number == 0 || number > count() || !live_position(number, at)) return dead_message();
  if (live != nullptr) *live = at;
  if (!box_->index()->record(at, out))
    return Error{ErrorKind::Corrupt, "The mailbox index is damaged",
                 box_->place().path + ": torn index record"};
  // mbx keeps the text of what died until compaction makes a new generation.
  if (out.form & kExpunged && !box_->is_mbx()) return dead_message();
  return {};
}

MessageInfo SessionMailbox::info(uint32_t number) {
  MessageInfo info;
  Record r;
  if (Status found = locate(number, r); !found) {
    if (found.error().kind == ErrorKind::Corrupt) box_->distrust();
    // Dead, but still numbered: what was last known.
    const uint32_t at = position(number);
    if (!view_->record(at, r)) {
      if (const Record* raw = view_->raw(at)) info.uid = raw->uid;
      return info;
    }
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
  const Record* r = view_->raw(position(number));
  return r == nullptr ? 0 : r->uid;
}

uint32_t SessionMailbox::at_or_after(uint32_t uid) {
  const uint32_t at = view_->lower_bound(uid, known_);
  return std::min(number_at(at), count() + 1);
}

uint32_t SessionMailbox::recent() const {
  auto* self = const_cast<SessionMailbox*>(this);  // at_or_after may extend the mapping
  uint32_t n = 0;
  for (const UidRange& range : recent_.ranges())
    n += self->at_or_after(range.last + 1) - self->at_or_after(range.first);
  return n;
}

uint32_t SessionMailbox::first_unseen() const {
  const auto h = view_->header();
  if (!h) return 0;
  if (!h->superseded && h->unseen == 0) return 0;
  for (uint32_t i = h->superseded ? 0 : h->first_unseen; i < known_; ++i) {
    const Record* r = view_->raw(i);
    if (r != nullptr && !(r->flags & kSeen) && !(r->form & kExpunged) && has_number(i))
      return number_at(i);
  }
  return 0;
}

bool SessionMailbox::accepts_keywords() const {
  return !read_only_ && keywords_.names().size() < box_->file().keyword_limit();
}

}  // namespace dmail::store

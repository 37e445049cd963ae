// SessionMailbox: hearing of what others did.
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "store/session_mailbox.h"

namespace dmail::store {
namespace {

constexpr size_t kWorthGiving = 32 * 1024;

void sort_unique(std::vector<uint32_t>& v) {
  if (!std::is_sorted(v.begin(), v.end())) std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

}  // namespace

void SessionMailbox::note_position(uint32_t at) {
  Record r;
  if (!has_number(at)) return;
  if (!view_->record(at, r)) {
    damaged_ = true;
    return;
  }
  (r.form & kExpunged ? pending_dead_ : pending_flags_).push_back(at);
}

void SessionMailbox::scan_changes(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    Record r;
    if (!view_->record(i, r))
      damaged_ = true;
    else if (r.mod_sequence > heard_)
      note_position(i);
  }
}

// Reads the change notes since the last time; the session's own were passed over by caught_up().
void SessionMailbox::collect(const IndexHeader& header) {
  const uint32_t count = std::min(known_, header.record_count);
  if (header.notes != notes_) {
    const size_t dead = pending_dead_.size(), flags = pending_flags_.size();
    bool all = header.notes - notes_ <= kRingSize && header.notes > notes_;
    for (uint64_t i = notes_; all && i < header.notes; ++i) {
      ChangeNote note;
      if (!view_->note(i, note)) {
        all = false;
        break;
      }
      for (uint32_t at = note.first; at <= note.last && at < count; ++at) note_position(at);
    }
    // A writer may have lapped us while we read.
    const auto after = view_->header();
    if (!all || !after || after->notes - notes_ > kRingSize) {
      pending_dead_.resize(dead);
      pending_flags_.resize(flags);
      scan_changes(count);
    }
    notes_ = header.notes;
    sort_unique(pending_dead_);
    sort_unique(pending_flags_);
  }
  heard_ = header.highest_mod_sequence;
}

// Numbers for records that were added; what died before we heard of it never gets one.
void SessionMailbox::take_new(const IndexHeader& header) {
  for (uint32_t i = known_; i < header.record_count; ++i) {
    Record r;
    if (!view_->record(i, r)) {
      (void)repair();  // no numbers now: the next look has another generation
      return;
    }
    if (r.form & kExpunged) dead_.push_back(i);
    known_ = i + 1;
  }
  known_ = std::max(known_, header.record_count);
  uid_next_ = header.next_uid;
  if (header.keyword_version != keyword_version_) {
    keyword_version_ = header.keyword_version;
    keywords_ = view_->keywords();
    keywords_changed_ = true;
  }
}

void SessionMailbox::announce(Changes& changes, bool may_expunge) {
  if (may_expunge && !pending_dead_.empty()) {
    for (auto it = pending_dead_.rbegin(); it != pending_dead_.rend(); ++it)
      changes.expunged.push_back(number_at(*it));
    const auto middle = static_cast<std::ptrdiff_t>(dead_.size());
    dead_.insert(dead_.end(), pending_dead_.begin(), pending_dead_.end());
    std::inplace_merge(dead_.begin(), dead_.begin() + middle, dead_.end());
    pending_dead_.clear();
  }
  for (uint32_t at : pending_flags_) {
    Record r;
    if (view_->record(at, r) && !(r.form & kExpunged) && has_number(at))
      changes.flags.push_back(number_at(at));
  }
  pending_flags_.clear();
}

// From the generation of the view to the newest one.
// False: one of them is damaged.
bool SessionMailbox::merge(Changes& changes, const IndexHeader& header) {
  Index& now = *box_->index();
  std::vector<uint32_t> changed_uids, dead;
  if (!find_dead(now, header, dead)) return false;
  uint32_t j = 0;
  for (uint32_t i = 0; i < known_; ++i) {
    Record old, r;
    if (!has_number(i)) continue;
    if (!view_->record(i, old)) return false;
    bool there = false;
    while (j < header.record_count) {
      if (!now.record(j, r)) return false;
      there = r.uid >= old.uid;
      if (there) break;
      ++j;
    }
    if (!there || r.uid != old.uid || (old.form | r.form) & kExpunged)
      changes.expunged.push_back(number_at(i));
    else if (r.mod_sequence > heard_)
      changed_uids.push_back(r.uid);
  }
  std::reverse(changes.expunged.begin(), changes.expunged.end());
  changes.count_before = count() - static_cast<uint32_t>(changes.expunged.size());
  const std::vector<std::string> names = keywords_.names();
  if (!adopt(header)) return false;
  if (keywords_.names() != names) changes.keywords = true;
  for (uint32_t uid : changed_uids) {
    const uint32_t n = at_or_after(uid);
    if (n <= count()) changes.flags.push_back(n);
  }
  return true;
}

// Between commands a session holds no large buffers.
void SessionMailbox::rest() {
  const size_t held = text_.memory() + box_->cache().memory() + std::exchange(made_, 0);
  if (held < kWorthGiving) return;
  text_.release_memory();
  box_->cache().release_memory();
  std::string().swap(entry_);
  entry_uid_ = 0;
}

// What is new since the last time, as far as it may be told; false when damage was met before
// anything was told.
bool SessionMailbox::catch_up(Changes& changes, const IndexHeader& header, bool may_expunge) {
  if (view_ != box_->index()) {
    changes.count_before = count();  // new numbers have to wait until the dead may go
    return !may_expunge || merge(changes, header);
  }
  damaged_ = false;
  collect(header);
  if (damaged_) return false;
  announce(changes, may_expunge);
  changes.count_before = count();
  take_new(header);
  highest_ = header.highest_mod_sequence;
  return true;
}

Result<Changes> SessionMailbox::sync(bool may_expunge) {
  Changes changes;
  flush_cache();
  rest();
  for (bool repaired = false;; repaired = true) {
    changes.count = changes.count_before = count();
    if (Status fresh = box_->refresh(); !fresh) {
      if (fresh.error().kind != ErrorKind::NotFound) return std::move(fresh.error());
      changes.gone = true;
      return changes;
    }
    const auto header = box_->index()->header();
    if (header) {
      changes.renumbered = header->renumbered != renumbered_;
      changes.gone = header->uid_validity != uid_validity_;
      if (changes.gone) return changes;
      if (catch_up(changes, *header, may_expunge)) break;
    }
    if (repaired || !repair()) return box_->damaged();
  }
  changes.keywords = changes.keywords || keywords_changed_;
  keywords_changed_ = false;
  const auto header = box_->index()->header();
  if (header && view_ == box_->index() && header->first_recent_uid < uid_next_) {
    if (read_only_)
      recent_.add(header->first_recent_uid, uid_next_ - 1);
    else
      claim_recent();
  }
  changes.count = count();
  changes.recent = recent();
  return changes;
}

int SessionMailbox::watch_fd() {
  if (watch_.valid() && watched_ == box_->reopened()) return watch_.get();
  watched_ = box_->reopened();
  if (!box_->context().config.shared_spool) {
    watch_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    const std::string mine = "/proc/self/fd/" + std::to_string(box_->fd());
    constexpr uint32_t kEvents = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
    if (watch_.valid() &&
        (::inotify_add_watch(watch_.get(), mine.c_str(), kEvents) >= 0 ||
         ::inotify_add_watch(watch_.get(), path().c_str(), kEvents | IN_DONT_FOLLOW) >= 0))
      return watch_.get();
  }
  // No events on this file system: look once a second (sync() costs one fstat when nothing
  // happened).
  watch_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const itimerspec every{{1, 0}, {1, 0}};
  if (watch_.valid()) (void)::timerfd_settime(watch_.get(), 0, &every, nullptr);
  return watch_.get();
}

void SessionMailbox::clear_watch() {
  alignas(inotify_event) char events[4096];
  while (watch_.valid() && ::read(watch_.get(), events, sizeof events) > 0) {
  }
}

}  // namespace dmail::store

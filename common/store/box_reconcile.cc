// Box: the index after the mail file changed without it.
#include <algorithm>
#include <utility>

#include "base/crc32.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "store/box.h"
#include "store/uid_plan.h"
#include "store/uid_validity.h"

namespace dmail::store {
namespace {

constexpr uint32_t kLastUid = 0xfffffffe;
constexpr uint32_t kSamples = 16;

bool same_names(const KeywordTable& a, const KeywordTable& b) { return a.names() == b.names(); }

}  // namespace

// Records before the new ones: all of a small mailbox, else the last, the first and some between.
bool Box::sample_holds(const IndexHeader& header) {
  const uint32_t n = header.record_count;
  const uint32_t step = std::max(1u, n / kSamples);
  const auto holds = [&](uint32_t position) {
    Record r;
    if (!index_->record(position, r)) return false;
    return (r.form & kExpunged) != 0 || file_->verify(r);
  };
  if (n > 0 && !holds(n - 1)) return false;
  for (uint32_t i = 0; i < n; i += step)
    if (!holds(i)) return false;
  return true;
}

// The file only grew: a program that changes a message, if only by a mark, makes it longer, too.
bool Box::only_grew(const IndexHeader& header) {
  if (!sample_holds(header)) return false;
  for (uint32_t i = header.record_count; i-- > 0;) {
    Record r;
    if (!index_->record(i, r)) return false;
    if (!(r.form & kExpunged)) return file_->ends_as_before(r, header.end_offset);
  }
  return true;
}

Status Box::bring_in_step(Held& held) {
  const bool no_file = !index_ || index_->is_in_memory() || index_->unlinked();
  if (no_file) context_->renew_directories();
  if (no_file || index_->superseded()) open_index();
  auto now = identity();
  if (!now) return std::move(now.error());
  bool recovered = false;
  if (file_->needs_recovery()) {
    DMAIL_TRY(file_->recover());
    now = identity();
    if (!now) return std::move(now.error());
    recovered = true;
  }
  const auto header = index_ ? index_->header() : std::nullopt;
  const bool clean = header && !recovered && header->dirty == 0 && header->boot_id == boot_id() &&
                     !index_->unlinked() && index_->keywords_hold();
  if (clean && header->file == *now) {
    held.header = *header;
    keywords_ = index_->keywords();
    return {};
  }
  if (clean && header->file.same_file(*now) && now->size > header->file.size &&
      only_grew(*header)) {
    held.header = *header;
    return take_new_messages(held, *now);
  }
  std::string_view why;
  if (!header)
    why = index_lost_ ? "it was damaged" : "";
  else if (recovered)
    why = "a change that was cut short has been finished";
  else if (header->dirty != 0)
    why = "a change was cut short, or it was damaged";
  else if (!clean && header->boot_id == boot_id())
    why = "it was damaged or removed";
  else if (clean)
    why = "another program changed the mail file";
  return rebuild(held, *now, clean, why);
}

Status Box::take_new_messages(Held& held, const FileIdentity& now) {
  keywords_ = index_->keywords();
  auto in_file = file_->read_header(keywords_);
  if (!in_file) return rebuild(held, now, false, "another program changed the mail file");
  // The file gave UIDs that this index does not know: it is an old copy, and who knows what else
  // happened since.
  if (in_file->uid_validity != 0 && in_file->last_uid >= held.header.next_uid)
    return rebuild(held, now, false, "it was older than the mail file");
  std::vector<Record> found;
  auto end =
      file_->scan(held.header.end_offset, keywords_, [&](const Record& r) { found.push_back(r); });
  if (!end || (in_file->uid_validity != 0 && in_file->uid_validity != held.header.uid_validity))
    return rebuild(held, now, true, "another program changed the mail file");
  uint32_t next = std::max(held.header.next_uid,
                           in_file->last_uid < kLastUid ? in_file->last_uid + 1 : kLastUid);
  if (!found.empty() && found.front().uid != 0) next = held.header.next_uid;
  std::vector<Record*> to_write;
  const uint64_t mod_sequence = found.empty() ? 0 : next_mod_sequence(held.header);
  const int64_t clock = wall_seconds();
  for (Record& r : found) {
    if (r.uid != 0 ? r.uid < next || r.uid > kLastUid : next >= kLastUid)
      return rebuild(held, now, true, "another program changed the mail file");
    if (r.uid == 0) {
      r.uid = next;
      if (r.form & kStateRoom) to_write.push_back(&r);
    }
    next = r.uid + 1;
    r.mod_sequence = mod_sequence;
    r.save_date = clock;
  }
  held.size_before = held.header.total_size;
  DMAIL_TRY(begin(held));
  // UIDs of mail without a block are in the index alone, which is not always on the disk and may be
  // removed: that they were given is in the file before they are told, or they would be given
  // again.
  if (!to_write.empty() || (in_file->in_place && in_file->last_uid != next - 1)) {
    for (Record& r : found) r.record_crc = record_check(r);
    FileHeader h = file_header(held.header);
    h.last_uid = next - 1;
    auto moved = file_->write_state(to_write, found, keywords_, h);
    if (!moved) return std::move(moved.error());
    if (*moved) {
      auto after = identity();
      if (!after) return std::move(after.error());
      return rebuild(held, *after, false, {});
    }
  }
  // Not cut off is not wrong: every reader passes over it, and the next append tries again.
  if (!file_->damage().empty()) report("damage", file_->damage());
  if (*end < now.size && file_->cut_tail(*end))
    report("tail-cut", concat(now.size - *end, " bytes behind the last message, at offset ", *end));
  held.header.end_offset = *end;
  DMAIL_TRY(add_records(held, found));
  return finish(held);
}

void Box::report(std::string_view what, std::string text) const {
  if (context_->config.report) context_->config.report({what, place_.path, std::move(text)});
}

Status Box::rebuild(Held& held, const FileIdentity& now, bool trust_state, std::string_view why) {
  index_lost_ = false;
  // A change was broken off, or the file isn't what the log was written for.
  DMAIL_TRY(file_->settle());
  const auto old_header = index_ ? index_->header() : std::nullopt;
  KeywordTable old_keywords;
  std::vector<Record> old_live;
  OldIndex old;
  if (old_header) {
    old_keywords = index_->keywords();
    old.uid_validity = old_header->uid_validity;
    old.next_uid = old_header->next_uid;
    uint32_t before = 0;
    for (uint32_t i = 0; i < old_header->record_count; ++i) {
      Record r;
      if (!index_->record(i, r) || r.uid <= before) {
        old.whole = false;
        continue;
      }
      if (r.form & kExpunged) continue;
      before = r.uid;
      old_live.push_back(r);
    }
    old.live = old_live;
  }

  KeywordTable keywords;
  auto in_file = file_->read_header(keywords);
  if (!in_file) return std::move(in_file.error());
  std::vector<Record> found;
  uint64_t used = in_file->first_message;
  auto end = file_->scan(in_file->first_message, keywords, [&](const Record& r) {
    found.push_back(r);
    used += r.prefix_size + r.raw_size;
  });
  if (!end) return std::move(end.error());
  if (!why.empty()) report("index-rebuilt", std::string(why));
  if (!file_->damage().empty()) report("damage", file_->damage());
  if (found.size() > kMaxRecords)
    return Error{ErrorKind::Limit, "The mailbox has too many messages",
                 place_.path + " has too many messages"};

  std::vector<uint32_t> in_file_uids;
  in_file_uids.reserve(found.size());
  for (const Record& r : found) in_file_uids.push_back(r.uid);
  const uint32_t name_check = crc32(place_.index_name);
  if (old_header && in_file->uid_validity != 0 && in_file->uid_validity != old.uid_validity &&
      old_header->name_check != name_check)
    old = {};  // of another mailbox
  const UidPlan plan = plan_uids(found, *in_file, old, [&](uint32_t above) {
    auto fresh = fresh_uid_validity(context_->folders.get(), above, context_->config.lock_seconds);
    if (fresh) return *fresh;
    // No room to remember it: the clock alone has to do.
    const auto clock = static_cast<uint32_t>(std::clamp<int64_t>(wall_seconds(), 1, kLastUid));
    return above >= kLastUid ? clock : std::max(clock, above + 1);
  });
  IndexHeader header = old_header.value_or(IndexHeader{});
  const uint64_t mod_sequence = next_mod_sequence(header);
  trust_state = trust_state && same_names(keywords, old_keywords);
  const int64_t clock = wall_seconds();
  for (size_t i = 0; i < found.size(); ++i) {
    Record& r = found[i];
    r.mod_sequence = mod_sequence;
    r.save_date = plan.first_new <= r.uid && old_header ? clock : r.internal_date;
    if (plan.old_of[i] == 0) continue;
    const Record& before = old_live[plan.old_of[i] - 1];
    if (before.uid != r.uid) continue;
    r.save_date = before.save_date;
    r.cache = before.cache;
    if (trust_state && before.flags == r.flags && before.keywords == r.keywords)
      r.mod_sequence = before.mod_sequence;
  }

  header.file = now;
  if (*end < now.size && file_->cut_tail(*end)) {
    report("tail-cut", concat(now.size - *end, " bytes behind the last message, at offset ", *end));
    auto after = identity();
    if (!after) return std::move(after.error());
    header.file = *after;
  }
  header.boot_id = boot_id();
  header.end_offset = *end;
  header.uid_validity = plan.uid_validity;
  header.next_uid = plan.next_uid;
  header.name_check = name_check;
  if (plan.renumbered) ++header.renumbered;
  if (!old_header || old_header->uid_validity != plan.uid_validity)
    header.first_recent_uid = plan.first_new;
  header.first_recent_uid = std::min(header.first_recent_uid, header.next_uid);
  header.dead_bytes = is_mbx_ && *end > used ? *end - used : 0;
  header.dirty = 0;
  keywords_ = std::move(keywords);

  // What the file says otherwise is put right there, or the index could not be lost.
  std::vector<Record*> to_write;
  for (uint32_t i : plan.given)
    if (found[i].form & kStateRoom || in_file_uids[i] != 0) to_write.push_back(&found[i]);
  const bool base_differs =
      in_file->uid_validity != header.uid_validity || in_file->last_uid != header.next_uid - 1;
  if (in_file->uid_validity != 0 && in_file->uid_validity != header.uid_validity &&
      to_write.empty() && !found.empty())
    to_write.push_back(&found.front());
  if (!to_write.empty() || base_differs) {
    for (Record& r : found) r.record_crc = record_check(r);
    auto moved = file_->write_state(to_write, found, keywords_, file_header(header));
    if (!moved) return std::move(moved.error());
    auto after = identity();
    if (!after) return std::move(after.error());
    header.file = *after;
    if (*moved) header.end_offset = after->size;
  }
  DMAIL_TRY(install(held, header, found));
  // The sum over all mailboxes is only known again after a walk, unless this changed nothing.
  if (context_->quota && (!old_header || old_header->total_size != held.header.total_size))
    context_->quota->forget();
  held.size_before = held.header.total_size;
  return {};
}

}  // namespace dmail::store

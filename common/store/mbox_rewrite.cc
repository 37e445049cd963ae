#include <algorithm>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/index_format.h"
#include "store/mbox_file.h"
#include "store/rewrite_journal.h"
#include "store/shrink_journal.h"
#include "store/text_encoder.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

Error changed_file(const Record& r) {
  return {ErrorKind::Corrupt, "The mailbox has changed",
          concat("no message of UID ", r.uid, " at offset ", r.offset)};
}

// Passes the text of `r` on as it is to be stored.
template <typename Each>
Status encode_text(int fd, const Record& r, Each each) {
  TextReader reader(fd, r);
  TextEncoder encoder(TextEncoder::Form::QuotedLf);
  std::string bytes;
  for (;;) {
    auto piece = reader.next();
    if (!piece) return std::move(piece.error());
    if (piece->empty()) break;
    encoder.feed(*piece, bytes);
    DMAIL_TRY(each(std::string_view(bytes)));
    bytes.clear();
  }
  encoder.finish(bytes);
  return each(std::string_view(bytes));
}

}  // namespace

Result<bool> MboxFile::change_in_place(const Record& r, const KeywordTable& keywords) {
  if (!(r.form & kStateRoom)) return false;
  std::string bytes(r.prefix_size, '\0');
  auto n = read_at(fd_, bytes, r.offset);
  if (!n) return std::move(n.error());
  if (*n != bytes.size() || r.from_size > bytes.size() ||
      crc32(std::string_view(bytes).substr(0, r.from_size)) != r.prefix_crc)
    return changed_file(r);
  auto state = parse_mbox_state(std::string_view(bytes).substr(r.from_size));
  if (!state || state->length != r.prefix_size - r.from_size) return changed_file(r);
  const std::string names = mbox_keyword_text(r.keywords, keywords);
  const size_t room = state->length - kStateFixed - 1;
  if (names.size() > room) return false;
  state->uid = r.uid;
  state->flags = r.flags & kSystemFlags;
  state->old = true;
  state->keywords = names;
  const std::string block = format_mbox_state(*state, room);
  log_.add(r.offset + r.from_size + kStateUidAt,
           std::string_view(bytes).substr(r.from_size + kStateUidAt),
           std::string_view(block).substr(kStateUidAt));
  return true;
}

Result<bool> MboxFile::write_state(std::span<Record*> changed, std::span<Record> all,
                                   const KeywordTable& keywords, const FileHeader& header) {
  auto head = load_head();
  if (!head) return std::move(head.error());
  bool base_written = false;
  DMAIL_TRY(write_base(*head, header, base_written));
  log_.forget();
  uint64_t start = UINT64_MAX;
  for (const Record* r : changed) {
    auto fits = change_in_place(*r, keywords);
    if (!fits) return std::move(fits.error());
    if (!*fits) start = std::min(start, r->offset);
  }
  const bool rewriting = start != UINT64_MAX;
  DMAIL_TRY(log_.commit(base_written || rewriting));
  if (rewriting) DMAIL_TRY(rewrite(start, head->first, all, keywords, header));
  return rewriting;
}

Status MboxFile::expunge(std::span<Record> all, const KeywordTable& keywords,
                         const FileHeader& header) {
  const auto dead =
      std::find_if(all.begin(), all.end(), [](const Record& r) { return r.form & kExpunged; });
  if (dead == all.end()) return {};
  auto head = load_head();
  if (!head) return std::move(head.error());
  DMAIL_TRY(log_.settle());
  bool base_written = false;
  DMAIL_TRY(write_base(*head, header, base_written));
  // The last UID is on the disk before the message that has it can go.
  if (base_written) DMAIL_TRY(sync_file(fd_));
  uint64_t start = dead->offset;
  bool needs_block = false;
  if (head->base_at == 0 && header.last_uid > head->last_uid) {
    // No place for the last UID in the first message: another agent's.  When no message that stays
    // has that UID, the first one is given a block, or the UID would be given again.
    uint32_t highest = head->last_uid;
    for (const Record& r : all)
      if (!(r.form & kExpunged)) highest = std::max(highest, r.uid);
    needs_block = highest < header.last_uid;
    if (needs_block) start = all.front().offset;
  }
  bool untouched = false;
  Status done = rewrite(start, head->first, all, keywords, header, &untouched);
  // No room for a second copy of what stays.
  if (!done && done.error().kind == ErrorKind::NoSpace && untouched && !needs_block)
    if (Status shrunk = shrink(start, all, header); shrunk || RewriteJournal::exists(journal_))
      return shrunk;
  return done;
}

// Likewise without room: all that stays is moved forward as it is.  Messages of other agents get no
// block then.
Status MboxFile::shrink(uint64_t start, std::span<Record> all, const FileHeader& header) {
  const auto living = [](const Record& r) { return !(r.form & kExpunged); };
  const auto first = std::find_if(all.begin(), all.end(), living);
  if (first != all.end() && !living(all.front())) {
    // It becomes the first, which says what the whole file has; nobody asks any other message.
    if (!(first->form & kStateRoom) || !verify(*first))
      return Error{ErrorKind::NoSpace, "The disk is full", "no room for UIDVALIDITY"};
    DMAIL_TRY(write_at(fd_, format_mbox_base(header.uid_validity, header.last_uid),
                       first->offset + first->from_size + kStateBaseAt));
    DMAIL_TRY(sync_file(fd_));
  }
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  std::vector<ShrinkJournal::Piece> kept;
  std::vector<uint64_t> offsets;
  uint64_t at = start;
  for (size_t i = 0; i < all.size(); ++i) {
    const uint64_t from = all[i].offset;
    const uint64_t to = i + 1 < all.size() ? all[i + 1].offset : static_cast<uint64_t>(st->st_size);
    if (from < start || !living(all[i])) {
      offsets.push_back(from);
      continue;
    }
    offsets.push_back(at);
    at += to - from;
    if (!kept.empty() && kept.back().to == from)
      kept.back().to = to;
    else
      kept.push_back({from, to});
  }
  DMAIL_TRY(ShrinkJournal::shrink(fd_, journal_, start, kept));
  for (size_t i = 0; i < all.size(); ++i) all[i].offset = offsets[i];
  return {};
}

// Copies one message to the journal with a block of its own; returns its record there.
Result<Record> MboxFile::rewrite_one(RewriteJournal& journal, const Record& r, bool first,
                                     const KeywordTable& keywords, const FileHeader& header) {
  char line[kMaxFromLine + 1];
  auto n = read_at(fd_, {line, std::min<size_t>(r.from_size, kMaxFromLine)}, r.offset);
  if (!n) return std::move(n.error());
  std::string_view from(line, *n);
  if (*n != r.from_size || crc32(from) != r.prefix_crc) return changed_file(r);
  if (from.ends_with("\r\n")) {
    line[from.size() - 2] = '\n';
    from.remove_suffix(1);
  }
  // Behind a block the date is UTC; another agent's may have meant local time.
  std::string own_from;
  if (const auto parsed = parse_from_line(from);
      parsed && !(r.form & kQuoted) && parsed->seconds != r.internal_date) {
    own_from = format_from_line(parsed->sender, r.internal_date);
    from = own_from;
  }
  bool as_it_is = r.form & kQuoted && !(r.form & kHiddenFields);
  Record fresh = r;
  if (as_it_is && r.raw_size > 0) {
    char last = '\0';
    n = read_at(fd_, {&last, 1}, r.offset + r.prefix_size + r.raw_size - 1);
    if (!n) return std::move(n.error());
    if (*n != 1) return changed_file(r);
    as_it_is = last == '\n';  // else somebody cut it; the line end is put back
  }
  if (!as_it_is) {
    fresh.raw_size = 0;
    TextIdentity identity;
    DMAIL_TRY(encode_text(fd_, r, [&](std::string_view bytes) {
      fresh.raw_size += bytes.size();
      identity.feed(bytes);
      return Status();
    }));
    fresh.set_identity(identity.value());
  }
  const std::string names = mbox_keyword_text(r.keywords, keywords);
  MboxState state;
  state.size = fresh.raw_size;
  state.zone_minutes = r.zone_minutes;
  state.uid = r.uid;
  state.flags = r.flags & kSystemFlags;
  state.old = true;
  state.keywords = names;
  if (first) state.uid_validity = header.uid_validity, state.last_uid = header.last_uid;
  const std::string block = format_mbox_state(state, mbox_keyword_room(names.size()));
  fresh.offset = journal.position();
  fresh.from_size = static_cast<uint16_t>(from.size());
  fresh.prefix_size = static_cast<uint32_t>(from.size() + block.size());
  fresh.prefix_crc = crc32(from);
  fresh.form = kLfLines | kQuoted | kStateRoom;
  DMAIL_TRY(journal.write(from));
  DMAIL_TRY(journal.write(block));
  if (as_it_is)
    DMAIL_TRY(journal.copy(r.offset + r.prefix_size, r.raw_size));
  else
    DMAIL_TRY(encode_text(fd_, r, [&](std::string_view bytes) { return journal.write(bytes); }));
  DMAIL_TRY(journal.write("\n"));
  return fresh;
}

// Writes everything living from `start` on anew; `first` is where the first message of the file is.
Status MboxFile::rewrite(uint64_t start, uint64_t first, std::span<Record> all,
                         const KeywordTable& keywords, const FileHeader& header, bool* untouched) {
  std::vector<std::pair<Record*, Record>> moved;
  RewriteJournal journal(fd_, journal_);
  for (const Record& r : all)
    if (whole_records_ && r.record_crc != record_check(r))
      return Error{ErrorKind::Corrupt, "The mailbox index is damaged",
                   concat("the index has a damaged record, said to be of UID ", r.uid)};
  Status done = journal.begin(start);
  for (Record& r : all) {
    if (!done) break;
    if (r.offset < start || (r.form & kExpunged)) continue;
    auto fresh = rewrite_one(journal, r, journal.position() == first, keywords, header);
    if (!fresh)
      done = std::move(fresh.error());
    else
      moved.emplace_back(&r, *fresh);
  }
  if (done) done = journal.commit();
  if (untouched != nullptr) *untouched = !journal.began_to_change();
  if (!done) return done;
  for (const auto& [r, fresh] : moved) *r = fresh;
  return {};
}

}  // namespace dmail::store

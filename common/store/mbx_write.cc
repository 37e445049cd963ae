#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/file_window.h"
#include "store/mbx_file.h"
#include "store/rewrite_journal.h"
#include "store/shrink_journal.h"
#include "store/text_encoder.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

constexpr size_t kWriteAt = 512 * 1024;  // pieces written at once

constexpr uint64_t kSizeAt = 27;  // of SIZE in a message line of ours

constexpr size_t kMbxFlagsAt = 8;  // in the state field

// The state field of a message line, and where it stands in the file.
uint64_t state_at(const Record& r) { return r.offset + r.prefix_size - kMbxStateSize - 2; }
std::string_view state_of(std::string_view line) {
  return line.substr(line.size() - kMbxStateSize - 2, kMbxStateSize);
}

Error full_of_keywords() {
  return {ErrorKind::Limit, "The mailbox has no room for more keywords", ""};
}

uint64_t keywords_of(std::span<Record* const> records) {
  uint64_t all = 0;
  for (const Record* r : records) all |= r->keywords;
  return all;
}

}  // namespace

Result<MbxKeywordMap> MbxFile::update_head(const KeywordTable& keywords, uint64_t wanted,
                                           const FileHeader& header, bool& head_changed) {
  auto head = load_head();
  if (!head) return std::move(head.error());
  KeywordTable names = keywords;
  MbxKeywordMap map(head->header, names);
  bool changed = header.uid_validity != 0 && (header.uid_validity != head->header.uid_validity ||
                                              header.last_uid != head->header.last_uid);
  if (changed) {
    head->header.uid_validity = header.uid_validity;
    head->header.last_uid = header.last_uid;
  }
  if (!map.place(keywords, wanted, head->header, changed)) return full_of_keywords();
  if (changed) {
    DMAIL_TRY(log_.settle());
    DMAIL_TRY(write_at(fd_, format_mbx_header(head->header, head->bytes), 0));
  }
  head_changed = changed;
  return map;
}

// Cuts what stands behind `end`.  Bytes that are no torn append are kept beside the journal first.
Status MbxFile::cut_tail(uint64_t end) {
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  const uint64_t size = static_cast<uint64_t>(st->st_size);
  if (size < end)
    return Error{ErrorKind::Corrupt, "The mailbox was cut short",
                 "mbx file is shorter than its index says"};
  if (size == end) return {};
  char bytes[kMbxMaxLine];
  auto n = read_at(fd_, bytes, end);
  if (!n) return std::move(n.error());
  const std::string_view start(bytes, *n);
  const bool torn = start.find_first_not_of('\0') == start.npos || parse_mbx_line(start) ||
                    (*n < kMbxMaxLine && start.find('\n') == start.npos);
  if (!torn) {
    auto lost = open_file(journal_ + ".lost", O_WRONLY | O_CREAT, 0600);
    if (!lost) return std::move(lost.error());
    auto lost_st = stat_fd(lost->get());
    if (!lost_st) return std::move(lost_st.error());
    uint64_t to = static_cast<uint64_t>(lost_st->st_size);
    FileWindow window(fd_, size, 64 * 1024);
    for (uint64_t at = end; at < size;) {
      auto view = window.at(at, 1);
      if (!view) return std::move(view.error());
      if (view->empty()) break;
      DMAIL_TRY(write_at(lost->get(), *view, to));
      at += view->size();
      to += view->size();
    }
    DMAIL_TRY(sync_file(lost->get()));
    DMAIL_TRY(sync_parent(journal_));
  }
  return truncate_to(fd_, end);
}

Status MbxFile::write_messages(uint64_t end, std::span<const NewMessage> messages,
                               const MbxKeywordMap& map, std::vector<Record>& out) {
  std::string buffer;
  uint64_t at = end;  // of the buffer's first byte
  const auto flush = [&]() -> Status {
    DMAIL_TRY(write_at(fd_, buffer, at));
    at += buffer.size();
    buffer.clear();
    return {};
  };
  for (const NewMessage& m : messages) {
    Record r;
    r.uid = m.uid;
    r.flags = m.flags & kSystemFlags;
    r.keywords = m.keywords;
    r.offset = at + buffer.size();
    r.form = kStateRoom;
    r.internal_date = m.internal_date;
    r.zone_minutes = static_cast<int16_t>(m.zone_minutes);
    const std::string line =
        format_mbx_line(m.internal_date, m.zone_minutes, kMbxUncommitted,
                        format_mbx_state(map.to_file(m.keywords, 0), flags_to_mbx(m.flags), m.uid));
    r.prefix_size = static_cast<uint32_t>(line.size());
    buffer.append(line);
    TextEncoder text(TextEncoder::Form::Crlf);
    TextIdentity identity(true);
    const auto encode = [&](std::string_view piece) {
      const size_t start = buffer.size();
      text.feed(piece, buffer);
      identity.feed(std::string_view(buffer).substr(start));
    };
    for (;;) {
      auto piece = m.text->next();
      if (!piece) return std::move(piece.error());
      if (piece->empty()) break;
      for (std::string_view rest = *piece; !rest.empty();) {
        encode(rest.substr(0, kWriteAt));
        rest.remove_prefix(std::min(rest.size(), kWriteAt));
        if (buffer.size() >= kWriteAt) DMAIL_TRY(flush());
      }
    }
    const size_t last = buffer.size();
    text.finish(buffer);
    identity.feed(std::string_view(buffer).substr(last));
    r.set_identity(identity.value());
    if (text.size() >= kMbxUncommitted)
      return Error{ErrorKind::Limit, "The message is too large", ""};
    r.raw_size = r.size = text.size();
    r.header_size = static_cast<uint32_t>(std::min<uint64_t>(text.header_size(), UINT32_MAX));
    out.push_back(r);
  }
  return flush();
}

Status MbxFile::append(uint64_t end, std::span<const NewMessage> messages,
                       const KeywordTable& keywords, const FileHeader& header,
                       std::vector<Record>& out) {
  if (end < kMbxHeaderSize) end = kMbxHeaderSize;
  DMAIL_TRY(log_.settle());
  DMAIL_TRY(cut_tail(end));
  uint64_t wanted = 0;
  for (const NewMessage& m : messages) wanted |= m.keywords;
  bool head_changed = false;
  auto map = update_head(keywords, wanted, header, head_changed);
  if (!map) return std::move(map.error());
  std::vector<Record> made;
  Status done = write_messages(end, messages, *map, made);
  // SIZE makes a message valid: what it makes valid comes to the disk before it.  The first one's
  // comes last: until then all of them are a torn tail.
  if (done && !made.empty())
    done = write_out(fd_, end, made.back().offset + made.back().prefix_size + made.back().raw_size);
  for (size_t i = made.size(); done && i-- > 0;) {
    std::string digits;
    append_padded(digits, made[i].size, 10);
    done = write_at(fd_, digits, made[i].offset + kSizeAt);
    std::string line =
        format_mbx_line(made[i].internal_date, made[i].zone_minutes, made[i].size, "");
    made[i].prefix_crc = crc32(std::string_view(line).substr(0, kSizeAt + 10));
  }
  if (done) done = sync_file(fd_);
  if (!done) {
    if (auto cut = truncate_to(fd_, end); !cut) done.error().log.append("; " + cut.error().log);
    return done;
  }
  out.insert(out.end(), made.begin(), made.end());
  return {};
}

Result<bool> MbxFile::write_state(std::span<Record*> changed, std::span<Record>,
                                  const KeywordTable& keywords, const FileHeader& header) {
  bool head_changed = false;
  auto map = update_head(keywords, keywords_of(changed), header, head_changed);
  if (!map) return std::move(map.error());
  log_.forget();
  std::string bytes;
  for (const Record* r : changed) {
    auto line = line_of(*r, &bytes);
    if (!line) return std::move(line.error());
    const uint32_t mark = line->flags & kMbxExpunged;
    log_.add(state_at(*r), state_of(bytes),
             format_mbx_state(map->to_file(r->keywords, line->keywords),
                              flags_to_mbx(r->flags) | kMbxOld | mark, r->uid));
  }
  DMAIL_TRY(log_.commit(head_changed));
  return false;
}

Status MbxFile::expunge(std::span<Record> all, const KeywordTable& keywords,
                        const FileHeader& header) {
  bool head_changed = false;
  auto map = update_head(keywords, 0, header, head_changed);
  if (!map) return std::move(map.error());
  log_.forget();
  std::string bytes;
  for (const Record& r : all) {
    if (!(r.form & kExpunged)) continue;
    auto line = line_of(r, &bytes);
    if (!line) return std::move(line.error());
    std::string state(state_of(bytes));
    std::string digits;
    append_hex(digits, line->flags | kMbxExpunged, 4);
    state.replace(kMbxFlagsAt, digits.size(), digits);
    log_.add(state_at(r), state_of(bytes), state);
  }
  return log_.commit(head_changed);
}

// How many bytes from `from` on are expunged messages, when [from, to) is nothing else; else 0.
Result<uint64_t> MbxFile::dead_bytes(uint64_t from, uint64_t to) const {
  uint64_t at = from;
  while (at < to) {
    char bytes[kMbxMaxLine];
    auto n = read_at(fd_, bytes, at);
    if (!n) return std::move(n.error());
    const auto line = parse_mbx_line({bytes, *n});
    if (!line || !(line->flags & kMbxExpunged) || line->size > to - at ||
        line->length > to - at - line->size)
      return uint64_t{0};
    at += line->length + line->size;
  }
  return to - from;
}

Result<uint64_t> MbxFile::compact(std::span<Record> all, const KeywordTable& keywords,
                                  const FileHeader& header) {
  DMAIL_TRY(log_.settle());
  bool head_changed = false;
  auto map = update_head(keywords, 0, header, head_changed);
  if (!map) return std::move(map.error());
  DMAIL_TRY(sync_file(fd_));
  KeywordTable names = keywords;
  uint64_t end = kMbxHeaderSize;
  auto scanned = scan(all.empty() ? end : all.back().offset, names, [](const Record&) {});
  if (!scanned) return std::move(scanned.error());
  end = *scanned;  // a damaged or torn tail behind is kept as it is
  std::vector<ShrinkJournal::Piece> kept;
  std::vector<uint64_t> offsets(all.size());
  uint64_t at = kMbxHeaderSize, won = 0;
  const auto keep = [&](uint64_t from, uint64_t to) {
    if (!kept.empty() && kept.back().to == from)
      kept.back().to = to;
    else if (from < to)
      kept.push_back({from, to});
  };
  for (size_t i = 0; i <= all.size(); ++i) {
    const uint64_t next = i < all.size() ? all[i].offset : end;
    if (next < at) return Error{ErrorKind::Corrupt, "The mailbox has changed", "records overlap"};
    auto dead = dead_bytes(at, next);
    if (!dead) return std::move(dead.error());
    if (*dead == 0) keep(at, next);
    won += *dead;
    if (i == all.size()) break;
    auto line = line_of(all[i]);
    if (!line) return std::move(line.error());
    offsets[i] = next - won;
    at = next + all[i].prefix_size + all[i].raw_size;
    keep(next, at);
  }
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  keep(end, static_cast<uint64_t>(st->st_size));
  if (won == 0) return uint64_t{0};
  uint64_t start = kMbxHeaderSize;
  if (!kept.empty() && kept[0].from == start) {
    start = kept[0].to;
    kept.erase(kept.begin());
  }
  bool untouched = true;
  Status done = [&]() -> Status {
    RewriteJournal journal(fd_, journal_);
    DMAIL_TRY(journal.begin(start));
    for (const auto& part : kept) DMAIL_TRY(journal.copy(part.from, part.to - part.from));
    Status committed = journal.commit();
    untouched = !journal.began_to_change();
    return committed;
  }();
  // No room for a second copy.
  if (!done && done.error().kind == ErrorKind::NoSpace && untouched)
    done = ShrinkJournal::shrink(fd_, journal_, start, kept);
  if (!done) return std::move(done.error());
  for (size_t i = 0; i < all.size(); ++i) all[i].offset = offsets[i];
  return won;
}

}  // namespace dmail::store

#include "base/text.h"
#include "io/file.h"
#include "store/mbx_file.h"
#include "store/rewrite_journal.h"
#include "store/shrink_journal.h"

namespace dmail::store {
namespace {

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
                                           const FileHeader& header, bool& head_changed,
                                           bool settled) {
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
    if (!settled) DMAIL_TRY(log_.settle());
    DMAIL_TRY(write_at(fd_, format_mbx_header(head->header, head->bytes), 0));
  }
  head_changed = changed;
  return map;
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

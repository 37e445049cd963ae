#include <algorithm>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/file_window.h"
#include "store/mbx_file.h"
#include "store/rewrite_journal.h"
#include "store/shrink_journal.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

constexpr size_t kMaxDamageText = 1000;

// Octets of the header of the text at [at, at + size), with its empty line.
Result<uint64_t> header_octets(FileWindow& window, uint64_t at, uint64_t size) {
  uint64_t done = 0;
  bool line_start = true;
  while (done < size) {
    auto view = window.at(at + done, 2);
    if (!view) return std::move(view.error());
    std::string_view v = view->substr(0, size - done);
    if (v.empty()) break;
    const size_t whole = v.size();
    while (v.size() >= 2 || (!v.empty() && whole == size - done)) {
      if (line_start && v[0] == '\n') return done + (whole - v.size()) + 1;
      if (line_start && v.starts_with("\r\n")) return done + (whole - v.size()) + 2;
      const size_t end = v.find('\n');
      line_start = end != v.npos;
      v.remove_prefix(line_start ? end + 1 : v.size());
    }
    done += whole - v.size();
  }
  return size;
}

Status identify(FileWindow& window, uint64_t at, uint64_t header, Record& r) {
  TextIdentity identity(true);
  for (const uint64_t end = at + header; at < end;) {
    auto view = window.at(at, 1);
    if (!view) return std::move(view.error());
    if (view->empty()) break;
    const std::string_view piece = view->substr(0, end - at);
    identity.feed(piece);
    at += piece.size();
  }
  r.set_identity(identity.value());
  return {};
}

// A first part of a message line, or zeros that a power failure left: what a cut-short append
// leaves.
bool is_torn(std::string_view rest) {
  if (rest.find_first_not_of('\0') == rest.npos) return true;
  return rest.size() < kMbxMaxLine && rest.find('\n') == rest.npos;
}

}  // namespace

bool MbxFile::needs_recovery() const {
  return RewriteJournal::exists(journal_) || log_.needs_recovery();
}
Status MbxFile::recover() {
  // A journal is begun only where there is no log.
  DMAIL_TRY(ShrinkJournal::recover(fd_, journal_));
  DMAIL_TRY(RewriteJournal::recover(fd_, journal_));
  return log_.recover();
}

Result<MbxFile::Head> MbxFile::load_head() const {
  Head head;
  head.bytes.resize(kMbxHeaderSize);
  auto n = read_at(fd_, head.bytes, 0);
  if (!n) return std::move(n.error());
  auto header = parse_mbx_header(head.bytes);
  if (!header || *n < kMbxHeaderSize)
    return Error{ErrorKind::Corrupt, "The mailbox is damaged",
                 "mbx header is cut short or damaged"};
  head.header = std::move(*header);
  return head;
}

Result<FileHeader> MbxFile::read_header(KeywordTable& keywords) {
  auto head = load_head();
  if (!head) return std::move(head.error());
  MbxKeywordMap(head->header, keywords);
  return FileHeader{head->header.uid_validity, head->header.last_uid, kMbxHeaderSize, true};
}

// The offset of the next message line after damage at `at`; the end of the file when there is none.
Result<uint64_t> MbxFile::resume(FileWindow& window, uint64_t at) {
  const uint64_t end = window.limit();
  uint64_t p = at;
  while (p < end) {
    auto view = window.at(p, kMbxMaxLine);
    if (!view) return std::move(view.error());
    if (view->empty()) break;
    const size_t newline = view->find('\n');
    if (newline == view->npos) {
      p += view->size();
      continue;
    }
    p += newline + 1;
    auto start = window.at(p, kMbxMaxLine);
    if (!start) return std::move(start.error());
    const auto line = parse_mbx_line(*start);
    if (!line || line->size > end - p - line->length) continue;
    const uint64_t next = p + line->length + line->size;
    if (next == end) return p;
    char bytes[kMbxMaxLine];
    auto n = read_at(fd_, bytes, next);
    if (!n) return std::move(n.error());
    if (parse_mbx_line({bytes, *n})) return p;
  }
  return end;
}

Result<uint64_t> MbxFile::scan(uint64_t from, KeywordTable& keywords,
                               const std::function<void(const Record&)>& found) {
  damage_.clear();
  auto head = load_head();
  if (!head) return std::move(head.error());
  const MbxKeywordMap map(head->header, keywords);
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  const uint64_t end = static_cast<uint64_t>(st->st_size);
  uint64_t at = std::max<uint64_t>(from, kMbxHeaderSize);
  if (at >= end)
    return at == end ? Result<uint64_t>(end)
                     : Error{ErrorKind::Corrupt, "The mailbox was cut short",
                             "mbx file is shorter than its index says"};
  FileWindow window(fd_, end, std::clamp<size_t>(end - at, kMbxMaxLine, FileWindow::kCapacity));
  uint32_t last_uid = 0;
  while (at < end) {
    auto view = window.at(at, kMbxMaxLine);
    if (!view) return std::move(view.error());
    const auto line = parse_mbx_line(*view);
    if (!line) {
      if (is_torn(*view)) break;
      if (at == from && from > kMbxHeaderSize)
        return Error{ErrorKind::Corrupt, "The mailbox is damaged",
                     concat("no message line at offset ", from)};
      auto next = resume(window, at);
      if (!next) return std::move(next.error());
      if (damage_.size() < kMaxDamageText)
        damage_.append(concat(damage_.empty() ? "" : "; ", *next - at, " bytes at offset ", at,
                              " are no message"));
      if (*next == end) break;
      at = *next;
      continue;
    }
    if (line->size > std::min(end - at - line->length, kMaxRecordSize)) break;
    Record r;
    r.offset = at;
    r.prefix_size = static_cast<uint32_t>(line->length);
    r.form = kStateRoom;
    r.raw_size = r.size = line->size;
    r.internal_date = line->seconds;
    r.zone_minutes = static_cast<int16_t>(line->zone_minutes);
    r.prefix_crc = crc32(view->substr(0, line->length - kMbxStateSize - 3));
    r.flags = flags_from_mbx(line->flags);
    r.keywords = map.from_file(line->keywords);
    r.uid = line->uid > last_uid ? line->uid : 0;
    last_uid = std::max(last_uid, line->uid);
    const uint64_t text = at + line->length;
    at = text + line->size;
    if (line->flags & kMbxExpunged) continue;
    auto octets = header_octets(window, text, line->size);
    if (!octets) return std::move(octets.error());
    r.header_size = static_cast<uint32_t>(std::min<uint64_t>(*octets, UINT32_MAX));
    DMAIL_TRY(identify(window, text, *octets, r));
    found(r);
  }
  return at;
}

Result<MbxLine> MbxFile::line_of(const Record& r, std::string* bytes) const {
  char buffer[kMbxMaxLine];
  auto n = read_at(fd_, {buffer, std::min<size_t>(r.prefix_size, sizeof buffer)}, r.offset);
  if (!n) return std::move(n.error());
  const std::string_view view(buffer, *n);
  const auto line = parse_mbx_line(view);
  if (!line || line->length != r.prefix_size || line->size != r.raw_size ||
      crc32(view.substr(0, line->length - kMbxStateSize - 3)) != r.prefix_crc)
    return Error{ErrorKind::Corrupt, "The mailbox has changed",
                 concat("no message of UID ", r.uid, " at offset ", r.offset)};
  if (bytes != nullptr) bytes->assign(view);
  return *line;
}

bool MbxFile::verify(const Record& r) { return line_of(r).ok(); }

// SIZE stands in the line, and other programs only append.
bool MbxFile::ends_as_before(const Record& r, uint64_t) { return verify(r); }

}  // namespace dmail::store

// MbxFile: new messages at the end of the file, and what is left there of an append that was not
// finished.
//
// SIZE makes a message valid, and what it makes valid comes to the disk before it.  The first
// message of an append gets its SIZE last: until then it reaches beyond the end of the file, and
// nothing behind it is looked at.  A few messages get their SIZEs when all texts are there.  With
// many that would write every page twice: their first line, unfinished, is on the disk before
// anything stands behind it, and then the others are written as they stay.  Without it, where the
// first sector is lost, what follows would be looked for and taken for mail, text or none.
#include <fcntl.h>

#include <algorithm>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/file_window.h"
#include "store/mbx_file.h"
#include "store/text_encoder.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

constexpr size_t kWriteAt = 512 * 1024;  // pieces written at once
constexpr size_t kMany = 64;             // messages: a second flush costs less than pages twice
constexpr uint64_t kSector = 512;        // what a disk writes as a whole

constexpr uint64_t kSizeAt = 27;  // of SIZE in a message line of ours
constexpr size_t kSizeDigits = 10;

std::string size_digits(const Record& r) {
  std::string digits;
  append_padded(digits, r.size, kSizeDigits);
  return digits;
}

std::string unfinished_line(const NewMessage& m, const MbxKeywordMap& map) {
  return format_mbx_line(
      m.internal_date, m.zone_minutes, kMbxUncommitted,
      format_mbx_state(map.to_file(m.keywords, 0), flags_to_mbx(m.flags), m.uid));
}

uint64_t end_of(const Record& r) { return r.offset + r.prefix_size + r.raw_size; }

}  // namespace

// Cuts what stands behind `end`.  Bytes that are no torn append are kept beside the journal first:
// also a message with its SIZE whose text is not all there, because text comes before SIZE.
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
  const auto line = parse_mbx_line(start);
  const bool torn = start.find_first_not_of('\0') == start.npos ||
                    (line && line->size >= kMbxUnfinished) ||
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
  return cut_append(end, line ? line->length : 0);
}

// What its first line hides goes first, and is gone on the disk before the line goes.
Status MbxFile::cut_append(uint64_t end, uint64_t first_line) {
  auto st = stat_fd(fd_);
  Status hidden;
  if (first_line > 0 && st && static_cast<uint64_t>(st->st_size) > end + first_line) {
    hidden = truncate_to(fd_, end + first_line);
    if (hidden) hidden = sync_file(fd_);
  }
  DMAIL_TRY(truncate_to(fd_, end));
  return hidden;
}

Status MbxFile::write_messages(uint64_t end, std::span<const NewMessage> messages,
                               const MbxKeywordMap& map, bool as_they_stay,
                               std::vector<Record>& out) {
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
    std::string line = unfinished_line(m, map);
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
    line.replace(kSizeAt, kSizeDigits, size_digits(r));
    r.prefix_crc = crc32(std::string_view(line).substr(0, kSizeAt + kSizeDigits));
    if (as_they_stay && !out.empty()) {
      if (r.offset >= at)
        buffer.replace(r.offset - at, line.size(), line);
      else
        DMAIL_TRY(write_at(fd_, line, r.offset));
    }
    out.push_back(r);
    // Between messages where that can be: lines are finished in the buffer.
    if (buffer.size() >= kWriteAt / 2) DMAIL_TRY(flush());
  }
  return flush();
}

// The first one's last.  Of a SIZE in two sectors what stands in the second comes to the disk
// before what stands in the first, whose nines keep it beyond the end of the file: of the other
// half alone a SIZE could come that leads into another message.
Status MbxFile::write_sizes(std::span<const Record> records) {
  const auto in_first = [](const Record& r) {
    return static_cast<size_t>(
        std::min<uint64_t>(kSector - (r.offset + kSizeAt) % kSector, kSizeDigits));
  };
  const Record* split = nullptr;
  for (const Record& r : records) {
    const size_t n = in_first(r);
    if (n == kSizeDigits) continue;
    if (split == nullptr) split = &r;
    DMAIL_TRY(write_at(fd_, size_digits(r).substr(n), r.offset + kSizeAt + n));
  }
  if (split != nullptr) DMAIL_TRY(write_out(fd_, split->offset, end_of(records.back())));
  for (size_t i = records.size(); i-- > 0;)
    DMAIL_TRY(write_at(fd_, size_digits(records[i]).substr(0, in_first(records[i])),
                       records[i].offset + kSizeAt));
  return {};
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
  auto map = update_head(keywords, wanted, header, head_changed, true);
  if (!map) return std::move(map.error());
  std::vector<Record> made;
  const std::string first = messages.empty() ? "" : unfinished_line(messages[0], *map);
  const bool many = messages.size() >= kMany;
  Status done;
  if (many) done = write_at(fd_, first, end);
  if (done && many) done = sync_file(fd_);
  if (done) done = write_messages(end, messages, *map, many, made);
  if (done && !made.empty()) done = write_out(fd_, end, end_of(made.back()));
  if (done) done = write_sizes(std::span(made).first(many ? 1 : made.size()));
  if (done) done = sync_file(fd_);
  if (!done) {
    if (auto cut = cut_append(end, first.size()); !cut)
      done.error().log.append("; " + cut.error().log);
    return done;
  }
  out.insert(out.end(), made.begin(), made.end());
  return {};
}

}  // namespace dmail::store

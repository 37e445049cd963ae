#include <algorithm>
#include <array>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "mail/header.h"
#include "store/hidden_fields.h"
#include "store/mbox_file.h"
#include "store/mbox_foreign.h"
#include "store/mbox_scanner.h"
#include "store/rewrite_journal.h"
#include "store/shrink_journal.h"

namespace dmail::store {
namespace {

constexpr size_t kMaxForeignHeader = 64 * 1024;  // state lines further on are not looked for
constexpr size_t kMaxDamageText = 1000;

Error no_mbox() {
  return {ErrorKind::Corrupt, "The mailbox is no mail file", "first line is no From_ line"};
}

uint64_t keyword_bits(std::string_view names, KeywordTable& keywords) {
  uint64_t bits = 0;
  for (std::string_view name : split_words(names))
    if (const auto bit = keywords.add(name)) bits |= uint64_t{1} << *bit;
  return bits;
}

// A block of ours that was taken apart, with the base line where we wrote it: who did that does not
// keep the last UID up to date.  (Programs of UW move the line.)
bool is_stale_base(std::string_view header) {
  const size_t end = header.find('\n');
  return is_block_mark(header) && end != header.npos &&
         header.substr(end + 1).starts_with("X-IMAPbase:");
}

Result<std::string_view> header_view(FileWindow& window, const MboxStep& step) {
  const uint64_t size = std::min<uint64_t>(step.header_raw, kMaxForeignHeader);
  auto view = window.at(step.record.offset + step.record.prefix_size, static_cast<size_t>(size));
  if (!view) return view;
  return view->substr(0, size);
}

}  // namespace

bool MboxFile::needs_recovery() const {
  return RewriteJournal::exists(journal_) || log_.needs_recovery();
}
Status MboxFile::recover() {
  // A journal is begun only where there is no log.
  DMAIL_TRY(ShrinkJournal::recover(fd_, journal_));
  DMAIL_TRY(RewriteJournal::recover(fd_, journal_));
  return log_.recover();
}

Result<MboxFile::Head> MboxFile::load_head() const {
  Head head;
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  const uint64_t end = static_cast<uint64_t>(st->st_size);
  char bytes[kMaxFromLine + kStateFixed + kMboxKeywordRoom + 1];
  auto n = read_at(fd_, bytes, 0);
  if (!n) return std::move(n.error());
  const std::string_view start(bytes, *n);
  const auto from = parse_from_line(start);
  if (!from) return head;  // empty, torn or no mbox: scan tells
  if (start.substr(from->length, 8) == "X-DMail:") {
    std::array<char, kStateFixed + kMboxMaxKeywordRoom + 1> block;
    n = read_at(fd_, block, from->length);
    if (!n) return std::move(n.error());
    if (const auto state = parse_mbox_state({block.data(), *n})) {
      head.base_at = from->length + kStateBaseAt;
      head.uid_validity = state->uid_validity;
      head.last_uid = state->last_uid;
      return head;
    }
  }
  // Another agent's message: only its header is of interest.
  const uint64_t behind = end < from->length ? 0 : end - from->length;
  std::vector<char> text(static_cast<size_t>(std::min<uint64_t>(kMaxForeignHeader, behind)));
  n = read_at(fd_, text, from->length);
  if (!n) return std::move(n.error());
  std::string_view header(text.data(), *n);
  header = header.substr(0, std::min(header.find("\n\n"), header.find("\n\r\n")));
  const auto base = foreign_base(header);
  if (!base || is_stale_base(header)) return head;
  head.uid_validity = base->uid_validity;
  head.last_uid = base->last_uid;
  head.names = base->names;
  head.foreign = true;
  if (!internal_data(*from, header)) {
    KeywordTable none;
    const auto state = foreign_state(header, none);
    if (!state || state->uid > base->last_uid) return Head{};
    return head;
  }
  FileWindow window(fd_, end, 64 * 1024);
  auto step = MboxScanner(window).step(0);
  if (!step) return std::move(step.error());
  head.first = step->next;
  char next[kMaxFromLine + kStateFixed + kMboxKeywordRoom + 1];
  n = read_at(fd_, next, head.first);
  if (!n) return std::move(n.error());
  const auto mail = parse_from_line({next, *n});
  if (!mail) return head;
  std::array<char, kStateFixed + kMboxMaxKeywordRoom + 1> block;
  n = read_at(fd_, block, head.first + mail->length);
  if (!n) return std::move(n.error());
  if (const auto state = parse_mbox_state({block.data(), *n})) {
    head.base_at = head.first + mail->length + kStateBaseAt;
    if (state->uid_validity != 0) head.uid_validity = state->uid_validity;
    head.last_uid = std::max(head.last_uid, state->last_uid);
  }
  return head;
}

Result<FileHeader> MboxFile::read_header(KeywordTable& keywords) {
  auto head = load_head();
  if (!head) return std::move(head.error());
  keyword_bits(head->names, keywords);
  return FileHeader{head->uid_validity, head->last_uid, head->first, head->base_at != 0};
}

// Not when it is empty, or begins with mail of another agent; numbers that such an agent wrote are
// not brought up to date.
bool MboxFile::keeps_uids(const FileHeader& header) {
  auto head = load_head();
  return head && head->base_at != 0 && head->uid_validity == header.uid_validity &&
         head->last_uid >= header.last_uid;
}

Result<uint64_t> MboxFile::scan(uint64_t from, KeywordTable& keywords,
                                const std::function<void(const Record&)>& found) {
  damage_.clear();
  auto head = load_head();
  if (!head) return std::move(head.error());
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  const uint64_t end = static_cast<uint64_t>(st->st_size);
  if (from > end)
    return Error{ErrorKind::Corrupt, "The mailbox was cut short",
                 "mbox file is shorter than its index says"};
  bool foreign = head->foreign && from <= head->first;
  uint64_t at = std::max(from, head->first);
  const size_t capacity = std::clamp<size_t>(end - at + 16, kStateFixed + kMboxMaxKeywordRoom + 64,
                                             FileWindow::kCapacity);
  FileWindow window(fd_, end, capacity < kMaxForeignHeader ? kMaxForeignHeader : capacity);
  MboxScanner scanner(window);
  if (at > 0) {
    auto start = scanner.skip_blank(at);
    if (!start) return std::move(start.error());
    if (*start == end) return end;
    at = *start;
  }
  uint32_t last_uid = 0;
  while (at < end) {
    auto step = scanner.step(at);
    if (!step) return std::move(step.error());
    using Kind = MboxStep::Kind;
    if (step->kind == Kind::Torn) return at;
    if (step->kind == Kind::NotMail) {
      if (at == 0) return no_mbox();
      return Error{ErrorKind::Corrupt, "The mailbox has changed",
                   concat("no From_ line at offset ", at)};
    }
    Record& r = step->record;
    if (step->kind == Kind::Skipped) {
      if (damage_.size() < kMaxDamageText)
        damage_ += concat(damage_.empty() ? "" : "; ", step->next - at, " bytes at offset ", at,
                          " are a delivery that was cut short");
      at = step->next;
      continue;
    }
    if (step->has_block) {
      r.keywords = keyword_bits(step->keywords, keywords);
    } else {
      auto header = header_view(window, *step);
      if (!header) return std::move(header.error());
      const auto state = foreign ? foreign_state(*header, keywords) : std::nullopt;
      foreign = state && state->uid > last_uid && state->uid <= head->last_uid;
      if (foreign) {
        r.uid = state->uid;
        r.flags = state->flags;
        r.keywords = state->keywords;
      } else {
        r.flags = foreign_marks(*header);
        if (r.form & kQuoted)  // a block of ours that was taken apart
          r.keywords = keyword_bits(mail::find_field(*header, "X-Keywords"), keywords);
      }
    }
    if (r.uid <= last_uid) r.uid = 0;
    last_uid = std::max(last_uid, r.uid);
    found(r);
    at = step->next;
  }
  return at;
}

bool MboxFile::ends_as_before(const Record& r, uint64_t end) {
  auto st = stat_fd(fd_);
  if (!st) return false;
  FileWindow window(fd_, static_cast<uint64_t>(st->st_size));
  auto step = MboxScanner(window).step(r.offset);
  if (!step || step->kind != MboxStep::Kind::Message || step->next < end) return false;
  Record& now = step->record;
  if (!step->has_block) {
    auto header = header_view(window, *step);
    if (!header) return false;
    now.flags = foreign_marks(*header);
  }
  return now.prefix_crc == r.prefix_crc && now.prefix_size == r.prefix_size &&
         now.raw_size == r.raw_size && now.size == r.size && now.flags == r.flags &&
         now.identity_high == r.identity_high && now.identity_low == r.identity_low;
}

bool MboxFile::verify(const Record& r) {
  char line[kMaxFromLine];
  if (r.from_size > sizeof line) return false;
  auto n = read_at(fd_, {line, r.from_size}, r.offset);
  return n && *n == r.from_size && crc32({line, *n}) == r.prefix_crc &&
         std::string_view(line, *n).starts_with(kFromStart);
}

}  // namespace dmail::store

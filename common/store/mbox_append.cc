#include <algorithm>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/mbox_file.h"
#include "store/text_encoder.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

constexpr size_t kWriteAt = 512 * 1024;

// What has to stand between the mail that ends at `end` and a From_ line.
Result<std::string_view> separator(int fd, uint64_t end) {
  char bytes[3];
  const size_t n = static_cast<size_t>(std::min<uint64_t>(sizeof bytes, end));
  auto got = read_at(fd, {bytes, n}, end - n);
  if (!got) return std::move(got.error());
  const std::string_view tail(bytes, *got);
  if (end == 0 || tail.ends_with("\n\n") || tail.ends_with("\n\r\n")) return std::string_view();
  return std::string_view(tail.ends_with('\n') ? "\n" : "\n\n");
}

}  // namespace

std::string mbox_keyword_text(uint64_t bits, const KeywordTable& keywords) {
  std::string out;
  for (size_t i = 0; i < keywords.names().size(); ++i) {
    if (!(bits >> i & 1)) continue;
    if (!out.empty()) out += ' ';
    out += keywords.names()[i];
  }
  return out;
}

// Writes UIDVALIDITY and last UID where the first message has room for them.
Status MboxFile::write_base(const Head& head, const FileHeader& header, bool& written) {
  if (head.base_at == 0 || header.uid_validity == 0) return {};
  if (head.uid_validity == header.uid_validity && head.last_uid == header.last_uid) return {};
  DMAIL_TRY(log_.settle());
  written = true;
  return write_at(fd_, format_mbox_base(header.uid_validity, header.last_uid), head.base_at);
}

Status MboxFile::write_messages(uint64_t at, bool first, std::span<const NewMessage> messages,
                                const KeywordTable& keywords, const FileHeader& header,
                                std::vector<Record>& out) {
  auto gap = separator(fd_, at);
  if (!gap) return std::move(gap.error());
  std::string buffer(*gap);
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
    r.form = kLfLines | kQuoted | kStateRoom;
    r.internal_date = m.internal_date;
    r.zone_minutes = static_cast<int16_t>(m.zone_minutes);
    const std::string from = format_from_line(m.envelope_sender, m.internal_date);
    const std::string names = mbox_keyword_text(m.keywords, keywords);
    MboxState state;
    state.zone_minutes = m.zone_minutes;
    state.uid = m.uid;
    state.flags = r.flags;
    state.keywords = names;
    if (first) state.uid_validity = header.uid_validity, state.last_uid = header.last_uid;
    first = false;
    const std::string block = format_mbox_state(state, mbox_keyword_room(names.size()));
    r.from_size = static_cast<uint16_t>(from.size());
    r.prefix_size = static_cast<uint32_t>(from.size() + block.size());
    r.prefix_crc = crc32(from);
    buffer += from;
    buffer += block;
    TextEncoder text(TextEncoder::Form::QuotedLf);
    TextIdentity identity;
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
    r.raw_size = at + buffer.size() - r.offset - r.prefix_size;
    r.size = text.size();
    r.header_size = static_cast<uint32_t>(std::min<uint64_t>(text.header_size(), UINT32_MAX));
    if (at + buffer.size() - r.offset - r.prefix_size >= kMboxUncommitted)
      return Error{ErrorKind::Limit, "The message is too large", ""};
    buffer += '\n';
    out.push_back(r);
  }
  return flush();
}

Status MboxFile::cut_tail(uint64_t end) {
  auto st = stat_fd(fd_);
  if (!st) return std::move(st.error());
  const uint64_t size = static_cast<uint64_t>(st->st_size);
  if (size < end)
    return Error{ErrorKind::Corrupt, "The mailbox was cut short",
                 "mbox file is shorter than its index says"};
  return size > end ? truncate_to(fd_, end) : Status();
}

Status MboxFile::append(uint64_t end, std::span<const NewMessage> messages,
                        const KeywordTable& keywords, const FileHeader& header,
                        std::vector<Record>& out) {
  auto head = load_head();
  if (!head) return std::move(head.error());
  DMAIL_TRY(log_.settle());
  DMAIL_TRY(cut_tail(end));
  const bool first = end <= head->first;
  std::vector<Record> made;
  Status done = write_messages(end, first, messages, keywords, header, made);
  // Its size makes a message valid: what it makes valid comes to the disk before it.
  if (done && !made.empty())
    done = write_out(fd_, end, made.back().offset + made.back().prefix_size + made.back().raw_size);
  for (size_t i = 0; done && i < made.size(); ++i) {
    std::string digits;
    append_padded(digits, made[i].raw_size, 10);
    done = write_at(fd_, digits, made[i].offset + made[i].from_size + kStateSizeAt);
  }
  bool written = false;
  if (done && !first) done = write_base(*head, header, written);
  if (done) done = sync_file(fd_);
  if (!done) {
    if (auto cut = truncate_to(fd_, end); !cut) done.error().log.append("; " + cut.error().log);
    return done;
  }
  out.insert(out.end(), made.begin(), made.end());
  return {};
}

}  // namespace dmail::store

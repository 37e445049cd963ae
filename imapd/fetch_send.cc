#include "imapd/fetch_send.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "imapd/mailbox_view.h"
#include "mail/header.h"
#include "mail/mail_date.h"

namespace dmail::imapd {
namespace {

using Kind = FetchItem::Kind;
using What = Section::What;

// A literal has no NUL (RFC 3501 section 9): 0x80 stands for it, so that sizes stay what they are.
constexpr char kForNul = '\x80';

// Announces the literal before its first octet, so that an error before that leaves no trace.
class LiteralSink : public ByteSink {
 public:
  LiteralSink(BufferedWriter& out, std::string_view label, uint64_t size)
      : out_(&out), label_(label), size_(size) {}
  void write(std::string_view bytes) override {
    announce();
    if (std::memchr(bytes.data(), '\0', bytes.size()) == nullptr) return out_->write(bytes);
    std::string text(bytes);
    std::replace(text.begin(), text.end(), '\0', kForNul);
    out_->write(text);
  }
  void announce() {
    if (announced_) return;
    announced_ = true;
    std::string& b = out_->buffer();
    b += label_;
    b += " {";
    append(b, size_);
    b += "}\r\n";
  }

 private:
  BufferedWriter* out_;
  std::string_view label_;
  uint64_t size_;
  bool announced_ = false;
};

std::string_view label_of(const FetchItem& item) {
  switch (item.kind) {
    case Kind::Envelope:
      return "ENVELOPE";
    case Kind::Body:
      return "BODY";
    case Kind::BodyStructure:
      return "BODYSTRUCTURE";
    default:
      return item.section.label;
  }
}

bool wanted(const std::vector<std::string>& names, std::string_view name) {
  for (const std::string& n : names)
    if (iequals(n, name)) return true;
  return false;
}

// Cuts `length` octets to what a partial fetch asked for.
void cut(const Section& section, uint64_t& start, uint64_t& length) {
  if (!section.origin) return;
  const uint64_t skip = std::min<uint64_t>(*section.origin, length);
  start += skip;
  length = std::min<uint64_t>(section.length, length - skip);
}

}  // namespace

bool FetchSender::fail(Error& error) {
  failure_ = std::move(error);
  return false;
}

void FetchSender::send(uint32_t number, bool tell_flags) {
  const store::MessageInfo info = mailbox_->info(number);
  std::string& b = reply_->buffer();
  const size_t mark = b.size();
  number_ = number;
  structure_.reset();
  streamed_ = false;
  b += "* ";
  append(b, number);
  b += " FETCH (";
  for (const FetchItem& item : plan_->items) {
    if (&item != &plan_->items.front()) b += ' ';
    if (send_item(item, info)) continue;
    if (!streamed_) {
      b.resize(mark);
      return;
    }
    b += label_of(item);
    b += " NIL";
  }
  if (tell_flags) {
    b += " FLAGS ";
    append_flag_list(b, info, mailbox_->keyword_names());
  }
  b += ")\r\n";
  reply_->flush_if_full();
}

bool FetchSender::send_item(const FetchItem& item, const store::MessageInfo& info) {
  std::string& b = reply_->buffer();
  switch (item.kind) {
    case Kind::Uid:
      b += "UID ";
      append(b, info.uid);
      return true;
    case Kind::Flags:
      b += "FLAGS ";
      append_flag_list(b, info, mailbox_->keyword_names());
      return true;
    case Kind::InternalDate:
      b += "INTERNALDATE \"";
      mail::append_imap_date_time(b, {info.internal_date, info.zone_minutes});
      b += '"';
      return true;
    case Kind::Size:
      b += "RFC822.SIZE ";
      append(b, info.size);
      return true;
    case Kind::Envelope:
      return send_cached("ENVELOPE ", mailbox_->envelope(number_));
    case Kind::Body:
      return send_cached("BODY ", mailbox_->body(number_));
    case Kind::BodyStructure:
      return send_cached("BODYSTRUCTURE ", mailbox_->body_structure(number_));
    case Kind::Section:
      return send_section(item.section, info);
  }
  return true;
}

bool FetchSender::send_cached(std::string_view label, Result<std::string_view> text) {
  if (!text) return fail(text.error());
  std::string& b = reply_->buffer();
  b += label;
  b += *text;
  return true;
}

bool FetchSender::load_structure() {
  if (structure_) return true;
  auto text = mailbox_->text(number_);
  if (!text) return fail(text.error());
  structure_ = mail::parse_structure(*text);
  return true;
}

bool FetchSender::find_range(const Section& section, const store::MessageInfo& info,
                             std::optional<Range>& range) {
  if (section.path.empty()) {
    if (section.what == What::All) {
      range = Range{0, info.size};
      return true;
    }
    auto header = mailbox_->header(number_);
    if (!header) return fail(header.error());
    const uint64_t size = std::min<uint64_t>(header->size(), info.size);
    range = section.what == What::Text ? Range{size, info.size - size} : Range{0, size};
    return true;
  }
  if (!load_structure()) return false;
  const mail::Part* part = mail::find_part(*structure_, section.path);
  if (part == nullptr) return true;
  if (section.what == What::All || section.what == What::Mime) {
    range = section.what == What::All
                ? Range{part->body_start, part->body_end - part->body_start}
                : Range{part->header_start, part->body_start - part->header_start};
    return true;
  }
  // HEADER and TEXT of a part are those of the message it encloses.
  if (part->type != "MESSAGE" || part->children.size() != 1) return true;
  const mail::Part& inner = structure_->parts[part->children[0]];
  range = section.what == What::Text
              ? Range{inner.body_start, inner.body_end - inner.body_start}
              : Range{inner.header_start, inner.body_start - inner.header_start};
  return true;
}

bool FetchSender::send_section(const Section& section, const store::MessageInfo& info) {
  const bool fields = section.what == What::Fields || section.what == What::FieldsNot;
  if (fields && section.path.empty()) {
    auto header = mailbox_->header(number_);
    if (!header) return fail(header.error());
    return send_fields(section, *header);
  }
  std::optional<Range> range;
  if (!find_range(section, info, range)) return false;
  if (!range) {
    std::string& b = reply_->buffer();
    b += section.label;
    b += " NIL";
    return true;
  }
  if (!fields) return send_range(section, *range);
  auto text = mailbox_->text(number_);
  if (!text) return fail(text.error());
  return send_fields(section, text->substr(range->start, range->length));
}

bool FetchSender::send_range(const Section& section, Range range) {
  cut(section, range.start, range.length);
  const size_t before = reply_->buffer().size();
  LiteralSink sink(reply_->writer(), section.label, range.length);
  if (range.length > 0) {
    Status sent = mailbox_->send(number_, range.start, range.length, sink);
    if (!sent) return fail(sent.error());
  }
  sink.announce();
  streamed_ = streamed_ || reply_->buffer().size() < before + range.length;
  return true;
}

bool FetchSender::send_fields(const Section& section, std::string_view header) {
  scratch_.clear();
  mail::FieldCursor cursor(header);
  mail::Field field;
  while (cursor.next(field))
    if (wanted(section.fields, field.name) == (section.what == What::Fields)) {
      scratch_ += field.whole;
      if (!scratch_.ends_with('\n')) scratch_ += "\r\n";
    }
  scratch_ += "\r\n";
  if (std::memchr(scratch_.data(), '\0', scratch_.size()) != nullptr)
    std::replace(scratch_.begin(), scratch_.end(), '\0', kForNul);
  uint64_t start = 0, length = scratch_.size();
  cut(section, start, length);
  std::string& b = reply_->buffer();
  b += section.label;
  b += " {";
  append(b, length);
  b += "}\r\n";
  b.append(scratch_, start, length);
  return true;
}

}  // namespace dmail::imapd

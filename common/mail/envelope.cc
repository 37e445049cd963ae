// ENVELOPE (RFC 3501 section 7.4.2).
#include <array>

#include "base/ascii.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/imap_string.h"
#include "mail/lexer.h"
#include "mail/structure.h"

namespace dmail::mail {

namespace {

// In the order of the envelope.
enum Item : size_t {
  Date,
  Subject,
  From,
  Sender,
  ReplyTo,
  To,
  Cc,
  Bcc,
  InReplyTo,
  MessageId,
  Items
};
constexpr std::array<std::string_view, Items> kNames = {
    "date", "subject", "from", "sender",      "reply-to",
    "to",   "cc",      "bcc",  "in-reply-to", "message-id"};

Item item_of(std::string_view name) {
  const auto is = [name](Item item) { return iequals(name, kNames[item]) ? item : Items; };
  switch (name.size()) {
    case 2:
      return to_lower(name[0]) == 't' ? is(To) : is(Cc);
    case 3:
      return is(Bcc);
    case 4:
      return to_lower(name[0]) == 'd' ? is(Date) : is(From);
    case 6:
      return is(Sender);
    case 7:
      return is(Subject);
    case 8:
      return is(ReplyTo);
    case 10:
      return is(MessageId);
    case 11:
      return is(InReplyTo);
    default:
      return Items;
  }
}

void append_or_nil(std::string& out, std::string_view s) {
  if (s.empty()) {
    out += "NIL";
  } else {
    append_string(out, s);
  }
}

void append_address(std::string& out, const Address& address) {
  switch (address.kind) {
    case Address::Kind::GroupStart:
      out += "(NIL NIL ";
      append_string(out, address.mailbox);
      out += " NIL)";
      break;
    case Address::Kind::GroupEnd:
      out += "(NIL NIL NIL NIL)";
      break;
    case Address::Kind::Mailbox:
      out += '(';
      append_or_nil(out, address.name);
      out += ' ';
      append_or_nil(out, address.route);
      out += ' ';
      append_string(out, address.mailbox);
      out += ' ';
      append_string(out, address.host);
      out += ')';
      break;
  }
}

struct Lists {
  std::string text;   // of all fields of that name
  size_t octets = 0;  // taken so far
  size_t count = 0;
};

// A field that comes twice counts as one longer list.
void take_list(Lists& list, std::string_view value) {
  const bool cut = value.size() > kMaxEnvelopeField - list.octets;
  value = value.substr(0, kMaxEnvelopeField - list.octets);
  list.octets += value.size();
  Lexer lexer(value);
  AddressCursor cursor(lexer);
  Address address;
  bool open = false;
  while (list.count < kMaxAddresses && cursor.next(address)) {
    if (cut && lexer.at_end()) break;  // nobody wrote the half of an address
    ++list.count;
    open = address.kind == Address::Kind::GroupStart ||
           (open && address.kind != Address::Kind::GroupEnd);
    append_address(list.text, address);
  }
  if (open) list.text += "(NIL NIL NIL NIL)";
}

bool is_list(size_t item) { return item >= From && item <= Bcc; }

}  // namespace

std::string envelope_text(std::string_view header) {
  std::array<std::string_view, Items> values;
  std::array<Lists, Items> lists;
  FieldCursor cursor(header);
  Field field;
  while (cursor.next(field)) {
    const Item item = item_of(field.name);
    if (item == Items) continue;
    if (is_list(item)) {
      take_list(lists[item], field.value);
    } else if (values[item].data() == nullptr) {
      values[item] = field.value.substr(0, kMaxEnvelopeField);
    }
  }
  std::string out;
  out.reserve(512);
  for (size_t item = 0; item < Items; ++item) {
    out += item == 0 ? '(' : ' ';
    if (!is_list(item)) {
      append_field(out, values[item]);
      continue;
    }
    const bool as_from = (item == Sender || item == ReplyTo) && lists[item].text.empty();
    const std::string& text = lists[as_from ? size_t{From} : item].text;
    if (text.empty()) {
      out += "NIL";
    } else {
      out += '(';
      out += text;
      out += ')';
    }
  }
  out += ')';
  return out;
}

}  // namespace dmail::mail

// LIST LSUB NAMESPACE STATUS.
#include <set>

#include "imapd/limits.h"
#include "imapd/list_pattern.h"
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

struct ListArguments {
  std::string reference, pattern;
};

ListArguments list_arguments(Parser& parser) {
  ListArguments out;
  parser.expect_sp();
  out.reference = parser.expect_mailbox();
  parser.expect_sp();
  out.pattern = parser.expect_list_mailbox();
  parser.expect_end();
  return out;
}

void tell_entry(Session& session, std::string_view response, std::string_view attributes,
                std::string_view name) {
  std::string& b = session.reply().buffer();
  b += "* ";
  b += response;
  b += " (";
  b += attributes;
  b += ") \"/\" ";
  append_astring(b, name);
  b += "\r\n";
  session.reply().flush_if_full();
}

}  // namespace

Outcome cmd_list(Session& session, Parser& parser) {
  const ListArguments arguments = list_arguments(parser);
  if (parser.failed()) return Outcome::bad(parser.error());
  if (arguments.pattern.empty()) {
    session.reply().untagged("LIST (\\Noselect) \"/\" \"\"");
    return Outcome::ok();
  }
  if (arguments.reference.size() + arguments.pattern.size() > kMaxPattern)
    return Outcome::no("LIMIT", "Mailbox pattern is too long");
  ListPattern pattern(concat(arguments.reference, arguments.pattern));
  Status listed = session.store().list([&](const store::MailboxEntry& entry) {
    if (!pattern.matches(entry.name)) return;
    std::string attributes = entry.selectable ? "" : "\\Noselect ";
    attributes += entry.has_children ? "\\HasChildren" : "\\HasNoChildren";
    tell_entry(session, "LIST", attributes, entry.name);
  });
  return listed ? Outcome::ok() : Outcome::failed(listed.error());
}

// A subscribed name that doesn't match, but whose parent matches a pattern that ends in "%", is
// told as that parent with \Noselect (RFC 3501 section 6.3.9).
Outcome cmd_lsub(Session& session, Parser& parser) {
  const ListArguments arguments = list_arguments(parser);
  if (parser.failed()) return Outcome::bad(parser.error());
  if (arguments.pattern.empty()) {
    session.reply().untagged("LSUB (\\Noselect) \"/\" \"\"");
    return Outcome::ok();
  }
  if (arguments.reference.size() + arguments.pattern.size() > kMaxPattern)
    return Outcome::no("LIMIT", "Mailbox pattern is too long");
  ListPattern pattern(concat(arguments.reference, arguments.pattern));
  auto names = session.store().subscriptions();
  if (!names) return Outcome::failed(names.error());
  const std::set<std::string_view> subscribed(names->begin(), names->end());
  std::set<std::string_view> parents;
  for (const std::string& name : *names) {
    if (pattern.matches(name)) {
      tell_entry(session, "LSUB", "", name);
      continue;
    }
    if (!pattern.ends_in_percent()) continue;
    for (size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0;
         slash = name.rfind('/', slash - 1)) {
      const std::string_view parent = std::string_view(name).substr(0, slash);
      if (!subscribed.contains(parent) && pattern.matches(parent) && parents.insert(parent).second)
        tell_entry(session, "LSUB", "\\Noselect", parent);
    }
  }
  return Outcome::ok();
}

Outcome cmd_namespace(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.reply().untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
  return Outcome::ok();
}

namespace {

struct StatusItem {
  std::string_view name;
  uint64_t (*value)(const store::MailboxStatus&);
};
constexpr StatusItem kStatusItems[] = {
    {"MESSAGES", [](const store::MailboxStatus& s) { return uint64_t{s.messages}; }},
    {"RECENT", [](const store::MailboxStatus& s) { return uint64_t{s.recent}; }},
    {"UIDNEXT", [](const store::MailboxStatus& s) { return uint64_t{s.uid_next}; }},
    {"UIDVALIDITY", [](const store::MailboxStatus& s) { return uint64_t{s.uid_validity}; }},
    {"UNSEEN", [](const store::MailboxStatus& s) { return uint64_t{s.unseen}; }},
};

std::vector<const StatusItem*> status_items(Parser& parser) {
  std::vector<const StatusItem*> items;
  parser.expect('(');
  while (!parser.at_end() && !parser.next_is(')')) {
    if (!items.empty()) parser.expect_sp();
    const size_t before = items.size();
    for (const StatusItem& item : kStatusItems)
      if (parser.take_word(item.name)) {
        items.push_back(&item);
        break;
      }
    if (items.size() == before) parser.fail("Unknown status item");
    if (items.size() > kMaxStatusItems) parser.fail("Too many status items");
  }
  parser.expect(')');
  if (items.empty()) parser.fail("Status item expected");
  return items;
}

}  // namespace

// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
Outcome cmd_status(Session& session, Parser& parser) {
  parser.expect_sp();
  const std::string wanted = parser.expect_mailbox();
  parser.expect_sp();
  const auto items = status_items(parser);
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  const auto name = session.mailbox_name(wanted);
  if (!name) return Outcome::failed(name.error());
  const auto status = session.store().status(*name);
  if (!status) return Outcome::failed(status.error());
  std::string& b = session.reply().buffer();
  b += "* STATUS ";
  append_astring(b, *name);
  char before = '(';
  b += ' ';
  for (const StatusItem* item : items) {
    append(b, before);
    append(b, item->name);
    append(b, ' ');
    append(b, item->value(*status));
    before = ' ';
  }
  b += ")\r\n";
  return Outcome::ok();
}

}  // namespace dmail::imapd

// STAT LIST UIDL DELE RSET NOOP CAPA QUIT.
#include "base/text.h"
#include "dpopd/capability.h"
#include "dpopd/command_table.h"
#include "dpopd/session.h"

namespace dmail::dpopd {
namespace {

// UIDVALIDITY and UID in hexadecimal: the same for a message for as long as IMAP's are, and never
// given to another.
std::string unique_id(Session& s, uint32_t number) {
  std::string id;
  append_hex(id, s.mailbox().uid_validity(), 8);
  append_hex(id, s.mailbox().uid(number), 8);
  return id;
}

std::string size_of(Session& s, uint32_t number) { return concat(s.mailbox().info(number).size); }

// LIST and UIDL: one message, or a line for each that is not deleted.
Outcome scan_listing(Session& s, Arguments arguments, std::string_view title,
                     std::string (*item)(Session&, uint32_t)) {
  if (!arguments.empty()) {
    Outcome why;
    const uint32_t n = s.message_number(arguments[0], why);
    if (n == 0) return why;
    return Outcome::ok(concat(n, ' ', item(s, n)));
  }
  const auto total = s.total();
  s.out().write(concat("+OK ", total.messages, ' ', title, " (", total.octets, " octets)\r\n"));
  for (uint32_t n = 1; n <= s.count(); ++n)
    if (!s.deleted(n)) s.out().write(concat(n, ' ', item(s, n), "\r\n"));
  s.out().write(".\r\n");
  return Outcome::sent();
}

}  // namespace

Outcome cmd_stat(Session& s, Arguments) {
  const auto total = s.total();
  return Outcome::ok(concat(total.messages, ' ', total.octets));
}

Outcome cmd_list(Session& s, Arguments arguments) {
  return scan_listing(s, arguments, "messages", size_of);
}

Outcome cmd_uidl(Session& s, Arguments arguments) {
  return scan_listing(s, arguments, "unique ids", unique_id);
}

Outcome cmd_dele(Session& s, Arguments arguments) {
  Outcome why;
  const uint32_t n = s.message_number(arguments[0], why);
  if (n == 0) return why;
  s.mark_deleted(n);
  return Outcome::ok(concat("message ", n, " deleted"));
}

Outcome cmd_rset(Session& s, Arguments) {
  s.unmark_all();
  const auto total = s.total();
  return Outcome::ok(
      concat("maildrop has ", total.messages, " messages (", total.octets, " octets)"));
}

Outcome cmd_noop(Session&, Arguments) { return Outcome::ok("nothing done"); }

Outcome cmd_capa(Session& s, Arguments) {
  s.out().write(concat("+OK capabilities follow\r\n", kSessionCapabilities, ".\r\n"));
  return Outcome::sent();
}

Outcome cmd_quit(Session& s, Arguments) { return s.update(); }

}  // namespace dmail::dpopd

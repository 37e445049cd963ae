// NOOP, VRFY, HELP, QUIT.  RFC 5321 sections 4.1.1.6 to 4.1.1.10.
#include <utility>

#include "base/text.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/session.h"

namespace dmail::dsmtpd {

Outcome cmd_noop(Session&, std::string_view) { return done(250, "2.0.0", "Ok"); }

// Tells nobody who has an account; RFC 5321 section 3.5.3 permits this answer.
Outcome cmd_vrfy(Session&, std::string_view) { return done(252, "2.5.0", "Send it, and see"); }

Outcome cmd_help(Session& session, std::string_view) {
  Outcome outcome = done(214, "2.0.0", "Commands known here:");
  std::string line;
  for (const Command& command : commands()) {
    if ((command.flags & (session.lmtp() ? kSmtpOnly : kLmtpOnly)) != 0) continue;
    line += concat(line.empty() ? "" : " ", command.verb);
  }
  outcome.reply.lines.push_back(std::move(line));
  return outcome;
}

Outcome cmd_quit(Session& session, std::string_view) {
  return closing(221, "2.0.0", concat(session.facts().host, " closing"));
}

}  // namespace dmail::dsmtpd

// The only list of commands: name, handler, when it is permitted, RFC section.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dsmtpd/reply.h"

namespace dmail::dsmtpd {

class Session;

enum CommandFlags : uint32_t {
  kNoArgument = 1,
  kNeedsArgument = 2,
  kAfterHello = 4,  // HELO, EHLO or LHLO must have come
  kAfterMail = 8,
  kOutsideMail = 16,  // not between MAIL and the end of the message
  kIdle = 32,         // does nothing for a message: counted
  kSmtpOnly = 64,
  kLmtpOnly = 128,
};

struct Command {
  std::string_view verb;  // upper case
  Outcome (*handle)(Session& session, std::string_view argument);
  uint32_t flags;
  std::string_view section;
};

std::span<const Command> commands();
const Command* find_command(std::string_view verb);  // any case; null when there is none
// Verbs that only a web client says: the connection ends.
bool is_http_verb(std::string_view verb);

// cmd_hello.cc
Outcome cmd_helo(Session& session, std::string_view argument);
Outcome cmd_ehlo(Session& session, std::string_view argument);
Outcome cmd_xclient(Session& session, std::string_view argument);
// cmd_envelope.cc
Outcome cmd_mail(Session& session, std::string_view argument);
Outcome cmd_rcpt(Session& session, std::string_view argument);
Outcome cmd_rset(Session& session, std::string_view argument);
// cmd_data.cc
Outcome cmd_data(Session& session, std::string_view argument);
// cmd_auth.cc
Outcome cmd_auth(Session& session, std::string_view argument);
Outcome cmd_starttls(Session& session, std::string_view argument);
// cmd_misc.cc
Outcome cmd_noop(Session& session, std::string_view argument);
Outcome cmd_vrfy(Session& session, std::string_view argument);
Outcome cmd_help(Session& session, std::string_view argument);
Outcome cmd_quit(Session& session, std::string_view argument);

}  // namespace dmail::dsmtpd

#include "dsmtpd/command_table.h"

#include "base/ascii.h"

namespace dmail::dsmtpd {
namespace {

constexpr Command kCommands[] = {
    {"MAIL", cmd_mail, kNeedsArgument | kAfterHello | kOutsideMail, "RFC 5321 4.1.1.2"},
    {"RCPT", cmd_rcpt, kNeedsArgument | kAfterMail, "RFC 5321 4.1.1.3"},
    {"DATA", cmd_data, kNoArgument | kAfterMail, "RFC 5321 4.1.1.4"},
    {"RSET", cmd_rset, kNoArgument | kIdle, "RFC 5321 4.1.1.5"},
    {"QUIT", cmd_quit, kNoArgument, "RFC 5321 4.1.1.10"},
    {"EHLO", cmd_ehlo, kNeedsArgument | kIdle | kSmtpOnly, "RFC 5321 4.1.1.1"},
    {"HELO", cmd_helo, kNeedsArgument | kIdle | kSmtpOnly, "RFC 5321 4.1.1.1"},
    {"LHLO", cmd_ehlo, kNeedsArgument | kIdle | kLmtpOnly, "RFC 2033 4.1"},
    {"STARTTLS", cmd_starttls, kNoArgument, "RFC 3207"},
    {"AUTH", cmd_auth, kNeedsArgument | kAfterHello | kOutsideMail | kSmtpOnly, "RFC 4954"},
    {"XCLIENT", cmd_xclient, kNeedsArgument | kIdle | kOutsideMail, "Postfix XCLIENT_README"},
    {"NOOP", cmd_noop, kIdle, "RFC 5321 4.1.1.9"},
    {"VRFY", cmd_vrfy, kNeedsArgument | kIdle, "RFC 5321 4.1.1.6"},
    {"HELP", cmd_help, kIdle, "RFC 5321 4.1.1.8"},
};

constexpr std::string_view kHttpVerbs[] = {"GET",    "POST",    "PUT",   "HEAD",  "CONNECT",
                                           "DELETE", "OPTIONS", "TRACE", "PATCH", "PRI"};

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view verb) {
  for (const Command& command : kCommands)
    if (iequals(verb, command.verb)) return &command;
  return nullptr;
}

bool is_http_verb(std::string_view verb) {
  for (const std::string_view http : kHttpVerbs)
    if (iequals(verb, http)) return true;
  return false;
}

}  // namespace dmail::dsmtpd

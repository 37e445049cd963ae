#include "dsmtpd/session.h"

#include <utility>

#include "account/address_list.h"
#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/limits.h"
#include "io/connection_over.h"
#include "privsep/connection.h"
#include "privsep/mechanisms.h"

namespace dmail::dsmtpd {
namespace {

// Verb and argument: separated by one blank or more, trailing blanks dropped.
std::string_view take_verb(std::string_view& line) {
  const std::string_view verb = take_until(line, ' ');
  line = trim(line);
  return verb;
}

Outcome check_state(const Command& command, std::string_view argument, Session& session) {
  const uint32_t f = command.flags;
  if ((f & (session.lmtp() ? kSmtpOnly : kLmtpOnly)) != 0)
    return done(500, "5.5.1", "Command not known here");
  if ((f & kNoArgument) != 0 && !argument.empty()) return done(501, "5.5.4", "No argument allowed");
  if ((f & kNeedsArgument) != 0 && argument.empty()) return done(501, "5.5.4", "Argument missing");
  if ((f & kAfterHello) != 0 && session.state().helo.empty())
    return done(503, "5.5.1", session.lmtp() ? "Say LHLO first" : "Say EHLO first");
  if ((f & kAfterMail) != 0 && !session.state().mail) return done(503, "5.5.1", "Need MAIL first");
  if ((f & kOutsideMail) != 0 && session.state().mail)
    return done(503, "5.5.1", "Not within a mail transaction");
  return done(0, "", "");
}

}  // namespace

Session::Session(const SessionFacts& facts, const conf::Settings& settings, LineReader& in,
                 ReplyWriter& out, Backend& backend)
    : facts_(facts),
      settings_(settings),
      in_(in),
      out_(out),
      backend_(backend),
      client_ip_(facts.client_ip) {}

Deadline Session::command_deadline() const { return Deadline::in_seconds(settings_.smtp_timeout); }

bool Session::trusted_address() const { return privsep::plaintext_ok(settings_, facts_.client_ip); }

bool Session::may_submit() const {
  return state_.logged_in || privsep::submission_ok(settings_, client_ip_);
}

bool Session::may_send_bare_lf() const {
  return !client_ip_.empty() && !settings_.smtp_bare_newline_from.empty() &&
         account::addresses_name(settings_.smtp_bare_newline_from, client_ip_);
}

std::string Session::mechanisms() const {
  if (lmtp()) return {};
  if (!facts_.by_hand) return facts_.mechanisms;
  return privsep::offered_mechanisms(settings_.dsmtp_mechanisms, account::Service::Smtp,
                                     {facts_.tls, trusted_address(), false, false});
}

// RFC 3848: who spoke what.
std::string Session::protocol() const {
  if (!state_.extended) return "SMTP";
  return concat(lmtp() ? "LMTP" : "ESMTP", facts_.tls ? "S" : "", state_.logged_in ? "A" : "");
}

void Session::forget_mail() {
  if (state_.mail) backend_.forget();
  state_.mail = false;
  state_.sender = {};
  state_.announced = 0;
  state_.recipients = 0;
}

Outcome Session::greeting() const {
  return done(220, "", concat(facts_.host, lmtp() ? " LMTP" : " ESMTP", " dmail ready"));
}

bool Session::greet() {
  // Nobody has a reason to speak before the banner but a program that will not listen either.
  if (!facts_.by_hand && !facts_.tls && !lmtp() &&
      wait_readable(in_.stream().read_fd(), Deadline::in_ms(0))) {
    finish(closing(554, "", concat(facts_.host, " did not greet you yet")), "banner");
    return false;
  }
  out_.send(greeting().reply);
  out_.flush();
  return true;
}

void Session::run() {
  try {
    while (one_command()) continue;
  } catch (const ConnectionOver& over) {
    if (over.why() == ConnectionOver::Why::Timeout) {
      out_.send(closing(421, "4.4.2", concat(facts_.host, " waited too long, closing")).reply);
      out_.flush();
    }
    throw;
  }
}

bool Session::one_command() {
  // Replies to a group of commands leave together, when no further command waits.
  if (in_.buffered().find('\n') == std::string_view::npos) out_.flush();
  std::string line;
  // An initial response makes a line long (RFC 4954 section 4.4, bearer tokens).
  const auto got = in_.read_line(line, kMaxAuthLine, command_deadline());
  if (got == LineReader::Line::End) {
    reason_ = "closed";
    return false;
  }
  ++commands_;
  if (got == LineReader::Line::TooLong ||
      (line.size() > kMaxCommandLine && !istarts_with(line, "AUTH ")))
    return finish(done(500, "5.5.2", "Line too long"), "?");
  if (!in_.ended_crlf()) return finish(done(500, "5.5.2", "End lines with CR LF"), "?");
  if (line.find('\0') != std::string::npos || line.find('\r') != std::string::npos)
    return finish(done(500, "5.5.2", "Bad byte in a command"), "?");
  std::string_view argument = line;
  const std::string_view verb = take_verb(argument);
  const Outcome outcome = dispatch(line);
  // What is no command may be anything: after a refused AUTH the password, after a refused DATA the
  // message.
  const bool known = find_command(verb) != nullptr || is_http_verb(verb);
  const bool goes_on = finish(outcome, known ? verb : "?");
  if (iequals(verb, "AUTH")) wipe(line);
  return goes_on;
}

Outcome Session::dispatch(std::string_view line) {
  const std::string_view verb = take_verb(line);
  const Command* command = find_command(verb);
  if (command == nullptr) {
    if (is_http_verb(verb)) return closing(554, "5.5.1", "This is a mail server");
    return done(500, "5.5.1", "Command not known");
  }
  if ((command->flags & kIdle) != 0 && ++state_.idle_commands > kMaxIdleCommands)
    return closing(421, "4.7.0", "Too many commands without mail");
  if ((command->flags & kIdle) != 0 && !state_.logged_in &&
      monotonic_ms() - state_.idle_since > kMaxIdleSeconds * 1000)
    return closing(421, "4.7.0", "Too long without mail");
  Outcome refused = check_state(*command, line, *this);
  if (refused.reply.code != 0) return refused;
  return command->handle(*this, line);
}

// Prints; false when the connection is over.
bool Session::finish(const Outcome& outcome, std::string_view verb) {
  out_.send(outcome.reply);
  for (const Reply& reply : outcome.more) out_.send(reply);
  if (outcome.reply.code >= 400) {
    if (!outcome.logged)
      backend_.note("refused",
                    concat(verb, ": ", outcome.reply.code, ' ', outcome.reply.lines.front()));
    if (++errors_ >= static_cast<size_t>(settings_.smtp_max_errors) &&
        outcome.next == Next::Continue) {
      out_.send(closing(421, "4.7.0", "Too many errors").reply);
      out_.flush();
      return false;
    }
  }
  // A relay that sends the mail of a list is no stranger who guesses names.
  if (outcome.taken) errors_ = 0;
  if (outcome.next == Next::Continue) return true;
  if (outcome.reply.code > 0 && outcome.reply.code < 400) reason_ = "quit";
  replaced_ = outcome.reply.code == 0;
  out_.flush();
  return false;
}

}  // namespace dmail::dsmtpd

#include "imapd/login_dialogue.h"

#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "imapd/capability.h"
#include "imapd/login_parser.h"
#include "privsep/sasl.h"

namespace dmail::imapd {
namespace {

using Verdict = privsep::LoginSide::Verdict;

}  // namespace

void LoginDialogue::run() {
  if (side_.start().greet)
    untagged(concat("OK ", side_.start().host, " IMAP4rev1 v" DMAIL_VERSION " server ready"));
  while (!over_) {
    switch (read_command()) {
      case Read::End:
        over_ = true;
        break;
      case Read::TooLong:
        bye("Command too long");
        break;
      case Read::Ok:
        handle();
        break;
    }
    wipe(command_);
  }
}

// One command into command_, asking for its literals.  What would exceed the limit is not asked
// for.
LoginDialogue::Read LoginDialogue::read_command() {
  std::string line;
  for (;;) {
    const auto got =
        side_.in().read_line(line, kMaxLoginCommand - command_.size(), side_.deadline());
    if (got == LineReader::Line::End) return Read::End;
    if (got == LineReader::Line::TooLong) return Read::TooLong;
    command_ += line;
    const auto mark = literal_mark(line);
    wipe(line);
    if (!mark) return Read::Ok;
    command_ += "\r\n";
    if (command_.size() + mark->size > kMaxLoginCommand) return Read::TooLong;
    if (mark->waits) side_.write("+ Ready\r\n");
    for (size_t left = mark->size; left > 0;) {
      const std::string_view piece = side_.in().read_some(left, side_.deadline());
      if (piece.empty()) return Read::End;
      command_ += piece;
      left -= piece.size();
    }
  }
}

void LoginDialogue::handle() {
  if (std::exchange(first_, false) && privsep::is_http_request(command_)) {
    side_.note("http-client", command_.substr(0, 60));
    over_ = true;
    return;
  }
  LoginParser parser(command_);
  tag_ = "*";
  const auto tag = parser.tag();
  if (!tag || !parser.space()) return bad("Invalid tag");
  tag_ = *tag;
  const auto name = parser.word();
  if (!name) return bad("Invalid command");
  dispatch(upper(*name), parser);
}

void LoginDialogue::dispatch(std::string_view name, LoginParser& parser) {
  if (name == "CAPABILITY") return capability(parser);
  if (name == "NOOP")
    return parser.at_end() ? tagged("OK NOOP completed") : bad("NOOP takes no arguments");
  if (name == "LOGOUT") {
    if (!parser.at_end()) return bad("LOGOUT takes no arguments");
    untagged("BYE Logging out");
    tagged("OK LOGOUT completed");
    over_ = true;
    return;
  }
  if (name == "ID") return id(parser);
  if (name == "STARTTLS") return start_tls(parser);
  if (name == "LOGIN") return login(parser);
  if (name == "AUTHENTICATE") return authenticate(parser);
  bad("Log in first");
}

std::string LoginDialogue::capabilities() const {
  std::string out = concat("CAPABILITY ", kLoginCapabilities);
  if (side_.offers_tls()) out += " STARTTLS";
  out += side_.may_log_in() ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED";
  return out;
}

void LoginDialogue::capability(LoginParser& parser) {
  if (!parser.at_end()) return bad("CAPABILITY takes no arguments");
  untagged(capabilities());
  tagged("OK CAPABILITY completed");
}

void LoginDialogue::id(LoginParser& parser) {
  if (!parser.space() || !parser.id_parameters()) return bad("Invalid ID parameters");
  untagged("ID (\"name\" \"dmail\" \"version\" \"" DMAIL_VERSION "\")");
  tagged("OK ID completed");
}

void LoginDialogue::start_tls(LoginParser& parser) {
  if (!parser.at_end()) return bad("STARTTLS takes no arguments");
  if (!side_.offers_tls()) return bad("TLS is not available");
  if (!side_.nothing_unread()) {
    // Somebody put plain commands behind it, to be run inside TLS.
    side_.note("starttls-injection", "bytes after STARTTLS");
    over_ = true;
    return;
  }
  tagged("OK Begin TLS negotiation now");
  side_.start_tls();
}

void LoginDialogue::login(LoginParser& parser) {
  if (!side_.may_log_in()) return tagged("NO [PRIVACYREQUIRED] LOGIN needs TLS");
  std::optional<std::string> user, password;
  if (parser.space()) user = parser.astring();
  if (user && parser.space()) password = parser.astring();
  if (!password || !parser.at_end()) return bad("LOGIN takes a user name and a password");
  try_login(*user, *password, "LOGIN");
  wipe(*password);
}

void LoginDialogue::authenticate(LoginParser& parser) {
  const auto mechanism = parser.space() ? parser.word() : std::nullopt;
  if (!mechanism) return bad("AUTHENTICATE takes a mechanism");
  std::optional<std::string> first;
  if (parser.space()) {
    const auto given = parser.remainder();
    if (!given) return bad("Invalid initial response");
    first = *given == "=" ? "" : std::string(*given);
  }
  if (!parser.at_end()) return bad("Invalid initial response");
  if (!side_.may_log_in()) return tagged("NO [PRIVACYREQUIRED] AUTHENTICATE needs TLS");
  if (iequals(*mechanism, "PLAIN")) {
    if (!first) first = response("");
    if (!first) return;
    auto credentials = privsep::sasl_plain(*first);
    wipe(*first);
    if (credentials) return try_login(credentials->user, credentials->password, "AUTHENTICATE");
    if (credentials.error().kind == ErrorKind::NoPermission)
      return tagged(concat("NO [AUTHORIZATIONFAILED] ", credentials.error().client));
    return bad(credentials.error().client);
  }
  if (iequals(*mechanism, "LOGIN")) {
    if (!first) first = response("VXNlcm5hbWU6");
    if (!first) return;
    auto user = privsep::sasl_login(*first);
    if (!user) return bad(user.error().client);
    auto second = response("UGFzc3dvcmQ6");
    if (!second) return;
    auto password = privsep::sasl_login(*second);
    wipe(*second);
    if (!password) return bad(password.error().client);
    try_login(*user, *password, "AUTHENTICATE");
    wipe(*password);
    return;
  }
  tagged("NO [CANNOT] Mechanism not available");
}

std::optional<std::string> LoginDialogue::response(std::string_view challenge) {
  side_.write(concat("+ ", challenge, "\r\n"));
  std::string line;
  const auto got = side_.in().read_line(line, kMaxLoginCommand, side_.deadline());
  if (got == LineReader::Line::Ok && line != "*") return line;
  if (got == LineReader::Line::End)
    over_ = true;
  else if (got == LineReader::Line::TooLong)
    bye("Response too long");
  else
    tagged("BAD AUTHENTICATE cancelled");
  return std::nullopt;
}

void LoginDialogue::try_login(std::string_view user, std::string_view password,
                              std::string_view command) {
  switch (side_.authenticate(user, password, "LOGIN")) {
    case Verdict::Accepted:
      side_.hand_over(tag_, command);
      tagged(concat("NO [UNAVAILABLE] ", command, " failed: the mailbox cannot be opened now"));
      break;
    case Verdict::Temporary:
      tagged(concat("NO [UNAVAILABLE] ", command, " failed; try again later"));
      break;
    case Verdict::Wrong:
      tagged(concat("NO [AUTHENTICATIONFAILED] ", command, " failed"));
      break;
  }
  if (side_.out_of_tries()) bye("Too many failed logins");
}

void LoginDialogue::untagged(std::string_view text) { side_.write(concat("* ", text, "\r\n")); }

void LoginDialogue::tagged(std::string_view text) { side_.write(concat(tag_, ' ', text, "\r\n")); }

void LoginDialogue::bad(std::string_view text) {
  tagged(concat("BAD ", text));
  if (++bad_ >= kMaxLoginBad) {
    side_.note("too-many-bad-commands", text);
    bye("Too many bad commands");
  }
}

void LoginDialogue::bye(std::string_view text) {
  untagged(concat("BYE ", text));
  over_ = true;
}

}  // namespace dmail::imapd

#include "imapd/login_dialogue.h"

#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "imapd/capability.h"
#include "imapd/login_parser.h"

namespace dmail::imapd {

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
        if (++commands_ > privsep::kMaxLoginCommands) {
          side_.note("too-many-bad-commands", "not logged in");
          bye("Too many commands before login");
        } else {
          handle();
        }
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
    side_.note("http-client",
               command_.substr(0, command_.find(' ')));  // the method: a URL may hold secrets
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
  if (!side_.password_commands()) out += " LOGINDISABLED";
  if (side_.start().referrals) out += " LOGIN-REFERRALS";
  for (std::string_view rest = side_.mechanisms(); !rest.empty();)
    append(out, concat(" AUTH=", take_until(rest, ' ')));
  return out;
}

void LoginDialogue::capability(LoginParser& parser) {
  if (!parser.at_end()) return bad("CAPABILITY takes no arguments");
  untagged(capabilities());
  tagged("OK CAPABILITY completed");
}

void LoginDialogue::id(LoginParser& parser) {
  const auto pairs = parser.space() ? parser.id_parameters() : std::nullopt;
  if (!pairs) return bad("Invalid ID parameters");
  side_.forwarded(privsep::xclient_of_id(*pairs));
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
  if (!side_.may_log_in()) {
    side_.note("refused", "LOGIN: needs TLS");
    return tagged("NO [PRIVACYREQUIRED] LOGIN needs TLS");
  }
  if (!side_.password_commands()) return tagged("NO [CANNOT] LOGIN is not available");
  const auto user = parser.space() ? parser.astring() : std::nullopt;
  auto password = user && parser.space() ? parser.astring() : std::nullopt;
  if (!password || !parser.at_end()) return bad("LOGIN takes a user name and a password");
  const auto outcome = side_.authenticate(*user, *password, "LOGIN");
  wipe(*password);
  conclude(outcome, "LOGIN");
}

void LoginDialogue::authenticate(LoginParser& parser) {
  const auto mechanism = parser.space() ? parser.mechanism() : std::nullopt;
  if (!mechanism) return bad("AUTHENTICATE takes a mechanism");
  std::optional<std::string> initial;
  // mutt with GNU SASL writes the blank also where it has nothing to send.
  if (parser.space() && !parser.at_end()) {
    const auto given = parser.remainder();
    if (!given) return bad("Invalid initial response");
    initial = std::string(*given);
  }
  if (!parser.at_end()) return bad("Invalid initial response");
  const auto outcome =
      side_.sasl(*mechanism, std::move(initial),
                 [this](const std::string& challenge) { return response(challenge); });
  conclude(outcome, "AUTHENTICATE");
}

std::optional<std::string> LoginDialogue::response(const std::string& challenge) {
  side_.write(concat("+ ", challenge, "\r\n"));
  std::string line;
  const auto got = side_.in().read_line(line, privsep::kMaxSaslLine, side_.deadline());
  if (got == LineReader::Line::Ok) return line;
  if (got == LineReader::Line::End)
    over_ = true;
  else
    bye("Response too long");
  return std::nullopt;
}

// Every refusal, and the hand-over.
void LoginDialogue::conclude(const privsep::SaslOutcome& outcome, std::string_view command) {
  using Kind = privsep::SaslOutcome::Kind;
  auto no = [&](std::string_view code, std::string_view text) {
    tagged(concat("NO [", code, "] ", command, text));
  };
  switch (outcome.kind) {
    case Kind::Accepted:
      wipe(command_);  // what follows takes as long as the session
      side_.hand_over(tag_, command);
      if (side_.referral().empty())
        no("UNAVAILABLE", " failed: the mailbox cannot be opened now");
      else
        no(concat("REFERRAL ", side_.referral()), ": the mailbox is on another server");
      break;
    case Kind::Temporary:
      no("UNAVAILABLE", " failed; try again later");
      break;
    case Kind::Limit:
      no("LIMIT", " failed: too many sessions of this account");
      break;
    case Kind::Wrong:
      no("AUTHENTICATIONFAILED", " failed");
      break;
    case Kind::OtherUser:
      no("AUTHORIZATIONFAILED", " failed: acting for another user is not possible");
      break;
    case Kind::NotOffered:
      no("CANNOT", " failed: mechanism not available");
      break;
    case Kind::NeedsTls:
      no("PRIVACYREQUIRED", " needs TLS");
      break;
    case Kind::Cancelled:
      bad(concat(command, " cancelled"));
      break;
    case Kind::BadMessage:
      bad(outcome.text);
      break;
    case Kind::Over:
      return;
  }
  if (side_.out_of_tries() && !over_) bye("Too many failed logins");
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

#include "dpopd/login_dialogue.h"

#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "dpopd/capability.h"
#include "privsep/mechanisms.h"

namespace dmail::dpopd {

void LoginDialogue::run() {
  if (side_.start().greet)
    // The stamp promises APOP: clients try it wherever they see one.
    good(concat(side_.start().trusted_peer ? "[XCLIENT] " : "", "DPOP Version " DMAIL_VERSION ".",
                offers_apop() ? " " : "", offers_apop() ? side_.start().stamp : ""));
  while (!over_) {
    switch (side_.in().read_line(line_, kMaxLoginLine, side_.deadline())) {
      case LineReader::Line::End:
        over_ = true;
        break;
      case LineReader::Line::TooLong:
        end("Line too long");
        break;
      case LineReader::Line::Ok:
        if (++commands_ > privsep::kMaxLoginCommands) {
          side_.note("too-many-bad-commands", "not logged in");
          end("Too many commands before login");
        } else {
          handle(line_);
        }
        break;
    }
    wipe(line_);
  }
}

void LoginDialogue::handle(std::string_view line) {
  if (std::exchange(first_, false) && privsep::is_http_request(line)) {
    side_.note("http-client",
               line.substr(0, line.find(' ')));  // the method: a URL may hold secrets
    over_ = true;
    return;
  }
  std::string_view argument = line;
  const std::string_view name = take_until(argument, ' ');
  dispatch(upper(name), argument, name.size() < line.size());
}

void LoginDialogue::dispatch(std::string_view name, std::string_view argument, bool has_argument) {
  if (name == "USER") return user(argument);
  if (name == "PASS") return pass(argument);
  if (name == "APOP") return apop(argument);
  if (name == "AUTH") return auth(argument, has_argument);
  if (name == "XCLIENT") return xclient(argument);
  if (has_argument)
    return bad(name == "CAPA" || name == "QUIT" ? "No argument is allowed" : "Log in first");
  if (name == "CAPA") return capa();
  if (name == "STLS") return start_tls();
  if (name == "NOOP") return good("");
  if (name == "QUIT") {
    good("Goodbye");
    over_ = true;
    return;
  }
  bad("Log in first");
}

void LoginDialogue::capa() {
  std::string out = "+OK Capabilities follow\r\n";
  out += kSessionCapabilities;
  if (side_.offers_tls()) out += "STLS\r\n";
  if (side_.password_commands()) out += "USER\r\n";
  if (const std::string names = sasl_mechanisms(); !names.empty())
    append(out, concat("SASL ", names, "\r\n"));
  out += ".\r\n";
  side_.write(out);
}

void LoginDialogue::start_tls() {
  if (!side_.offers_tls()) return bad("TLS is not available");
  if (!side_.nothing_unread()) {
    // Somebody put plain commands behind it, to be run inside TLS.
    side_.note("starttls-injection", "bytes after STLS");
    over_ = true;
    return;
  }
  good("Begin TLS negotiation now");
  side_.start_tls();
}

// As Dovecot has it: a proxy says for whom it comes.
void LoginDialogue::xclient(std::string_view attributes) {
  const auto parsed = privsep::parse_xclient(attributes);
  if (!parsed) return bad(parsed.error().client);
  if (!side_.forwarded(*parsed)) return error("You are not trusted with that");
  good("Updated");
}

// USER and PASS: a word why they are not permitted, or nothing.
bool LoginDialogue::refuse_password() {
  if (!side_.may_log_in()) {
    side_.note("refused", "USER: needs TLS");
    error("[AUTH] Logging in needs TLS");
  } else if (!side_.password_commands())
    error("[AUTH] USER is not available");
  else
    return false;
  return true;
}

void LoginDialogue::user(std::string_view name) {
  if (refuse_password()) return;
  if (name.empty()) return bad("USER takes a name");
  for (const char c : name)
    if (is_control(c)) return bad("Invalid name");
  user_ = name;
  // Echoed as the original did; the line stays within what RFC 1939 allows.
  good(concat(name.substr(0, 100), " nice to hear from you - password required"));
}

void LoginDialogue::pass(std::string_view password) {
  if (user_.empty()) return bad("USER comes first");
  // The password is the rest of the line, blanks and all.
  conclude(side_.authenticate(std::exchange(user_, {}), password, "USER"), "PASS");
}

void LoginDialogue::apop(std::string_view argument) {
  if (!offers_apop()) return error("[AUTH] APOP is not available");
  // A name may hold blanks; the digest is 16 octets in hexadecimal.
  constexpr size_t kDigest = 32;
  const size_t blank = argument.rfind(' ');
  if (blank == argument.npos || blank == 0 || argument.size() - blank - 1 != kDigest)
    return bad("APOP takes a name and a digest");
  for (const char c : argument)
    if (is_control(c)) return bad("Invalid name");
  conclude(side_.apop(argument.substr(0, blank), argument.substr(blank + 1)), "APOP");
}

bool LoginDialogue::offers_apop() const { return privsep::is_offered(side_.mechanisms(), "APOP"); }

std::string LoginDialogue::sasl_mechanisms() const {
  return privsep::without_mechanism(side_.mechanisms(), "APOP");
}

void LoginDialogue::auth(std::string_view argument, bool has_argument) {
  if (!has_argument) {
    // Older than RFC 5034, and still asked by clients that do not know CAPA.
    const std::string names = sasl_mechanisms();
    if (names.empty()) return error("[AUTH] Logging in needs TLS");
    std::string out = "+OK Mechanisms follow\r\n";
    for (std::string_view rest = names; !rest.empty();)
      append(out, concat(take_until(rest, ' '), "\r\n"));
    return side_.write(out + ".\r\n");
  }
  std::string_view rest = argument;
  const std::string_view mechanism = take_until(rest, ' ');
  std::optional<std::string> initial;
  if (!rest.empty()) initial = std::string(rest);
  const auto outcome =
      side_.sasl(mechanism, std::move(initial),
                 [this](const std::string& challenge) { return response(challenge); });
  conclude(outcome, "AUTH");
}

std::optional<std::string> LoginDialogue::response(const std::string& challenge) {
  side_.write(concat("+ ", challenge, "\r\n"));
  std::string line;
  const auto got = side_.in().read_line(line, privsep::kMaxSaslLine, side_.deadline());
  if (got == LineReader::Line::Ok) return line;
  if (got == LineReader::Line::End)
    over_ = true;
  else
    end("Response too long");
  return std::nullopt;
}

// Every refusal, and the hand-over.
void LoginDialogue::conclude(const privsep::SaslOutcome& outcome, std::string_view command) {
  using Kind = privsep::SaslOutcome::Kind;
  switch (outcome.kind) {
    case Kind::Accepted:
      wipe(line_);  // what follows takes as long as the session
      side_.hand_over("", command);
      if (side_.referral().empty())
        error("[SYS/TEMP] The mailbox cannot be opened now");
      else
        error(concat("[SYS/PERM] The mailbox is on ", side_.referral()));
      break;
    case Kind::Temporary:
      error("[SYS/TEMP] Try again later");
      break;
    case Kind::Limit:
      error("[IN-USE] Too many sessions of this account");
      break;
    case Kind::Wrong:
      error("[AUTH] password wrong or not a valid user");
      break;
    case Kind::OtherUser:
      error("[AUTH] Acting for another user is not possible");
      break;
    case Kind::NotOffered:
      error("Mechanism not available");
      break;
    case Kind::NeedsTls:
      error("[AUTH] Logging in needs TLS");
      break;
    case Kind::Cancelled:
      bad(concat(command, " cancelled"));
      break;
    case Kind::BadMessage:
      bad(outcome.text);
      break;
    case Kind::Over:
      break;
  }
  over_ = over_ || side_.out_of_tries();
}

void LoginDialogue::good(std::string_view text) {
  side_.write(text.empty() ? std::string("+OK\r\n") : concat("+OK ", text, "\r\n"));
}

void LoginDialogue::error(std::string_view text) { side_.write(concat("-ERR ", text, "\r\n")); }

void LoginDialogue::bad(std::string_view text) {
  if (++bad_ >= kMaxLoginBad) {
    side_.note("too-many-bad-commands", text);
    return end("Too many bad commands");
  }
  error(text);
}

void LoginDialogue::end(std::string_view text) {
  error(text);
  over_ = true;
}

}  // namespace dmail::dpopd

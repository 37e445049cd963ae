#include "dpopd/login_dialogue.h"

#include <unistd.h>

#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "dpopd/capability.h"
#include "io/clock.h"
#include "privsep/sasl.h"

namespace dmail::dpopd {

using Verdict = privsep::LoginSide::Verdict;

void LoginDialogue::run() {
  if (side_.start().greet)
    good(concat("DPOP Version " DMAIL_VERSION ". <", ::getpid(), '.', wall_seconds(), '@',
                side_.start().host, '>'));
  std::string line;
  while (!over_) {
    switch (side_.in().read_line(line, kMaxLoginLine, side_.deadline())) {
      case LineReader::Line::End:
        over_ = true;
        break;
      case LineReader::Line::TooLong:
        end("Line too long");
        break;
      case LineReader::Line::Ok:
        handle(line);
        break;
    }
    wipe(line);
  }
}

void LoginDialogue::handle(std::string_view line) {
  if (std::exchange(first_, false) && privsep::is_http_request(line)) {
    side_.note("http-client", line.substr(0, 60));
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
  if (name == "AUTH") return auth(argument, has_argument);
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
  if (side_.may_log_in()) out += "USER\r\nSASL PLAIN LOGIN\r\n";
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

void LoginDialogue::user(std::string_view name) {
  if (!side_.may_log_in()) return error("[AUTH] Logging in needs TLS");
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
  try_login(std::exchange(user_, {}), password, "PASS");
}

void LoginDialogue::auth(std::string_view argument, bool has_argument) {
  if (!has_argument) {
    if (!side_.may_log_in()) return error("[AUTH] Logging in needs TLS");
    return side_.write("+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n");
  }
  if (!side_.may_log_in()) return error("[AUTH] Logging in needs TLS");
  std::string_view rest = argument;
  const std::string_view mechanism = take_until(rest, ' ');
  std::optional<std::string> first;
  if (mechanism.size() < argument.size()) first = rest == "=" ? "" : std::string(rest);
  if (iequals(mechanism, "PLAIN")) return auth_plain(std::move(first));
  if (iequals(mechanism, "LOGIN")) return auth_login(std::move(first));
  error("Mechanism not available");
}

void LoginDialogue::auth_plain(std::optional<std::string> first) {
  if (!first) first = response("");
  if (!first) return;
  auto credentials = privsep::sasl_plain(*first);
  wipe(*first);
  if (credentials) return try_login(credentials->user, credentials->password, "AUTH");
  if (credentials.error().kind == ErrorKind::NoPermission)
    return error(concat("[AUTH] ", credentials.error().client));
  bad(credentials.error().client);
}

void LoginDialogue::auth_login(std::optional<std::string> first) {
  if (!first) first = response("VXNlcm5hbWU6");
  if (!first) return;
  auto name = privsep::sasl_login(*first);
  if (!name) return bad(name.error().client);
  auto second = response("UGFzc3dvcmQ6");
  if (!second) return;
  auto password = privsep::sasl_login(*second);
  wipe(*second);
  if (!password) return bad(password.error().client);
  try_login(*name, *password, "AUTH");
  wipe(*password);
}

std::optional<std::string> LoginDialogue::response(std::string_view challenge) {
  side_.write(concat("+ ", challenge, "\r\n"));
  std::string line;
  const auto got = side_.in().read_line(line, kMaxLoginLine, side_.deadline());
  if (got == LineReader::Line::Ok && line != "*") return line;
  if (got == LineReader::Line::End)
    over_ = true;
  else if (got == LineReader::Line::TooLong)
    end("Response too long");
  else
    bad("AUTH cancelled");
  return std::nullopt;
}

void LoginDialogue::try_login(std::string_view user, std::string_view password,
                              std::string_view command) {
  switch (side_.authenticate(user, password, "USER")) {
    case Verdict::Accepted:
      side_.hand_over("", command);
      error("[SYS/TEMP] The mailbox cannot be opened now");
      break;
    case Verdict::Temporary:
      error("[SYS/TEMP] Try again later");
      break;
    case Verdict::Wrong:
      error("[AUTH] password wrong or not a valid user");
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

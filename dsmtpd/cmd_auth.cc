// AUTH (RFC 4954: PLAIN of RFC 4616, LOGIN) and STARTTLS (RFC 3207).  The monitor judges passwords;
// here they are only taken apart, and wiped.
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/session.h"
#include "io/connection_over.h"

namespace dmail::dsmtpd {
namespace {

struct Secret {
  std::string text;
  ~Secret() { wipe(text); }
};

// Sends a challenge, reads one response and decodes it; an Outcome when there is none.
std::optional<Outcome> read_response(Session& session, std::string_view challenge, Secret& out) {
  session.out().send(done(334, "", base64_encode(challenge)).reply);
  session.out().flush();
  Secret line;
  switch (session.in().read_line(line.text, kMaxAuthLine, session.command_deadline())) {
    case LineReader::Line::End:
      throw ConnectionOver(ConnectionOver::Why::PeerClosed, "closed during AUTH");
    case LineReader::Line::TooLong:
      return done(500, "5.5.6", "Authentication line too long");
    case LineReader::Line::Ok:
      break;
  }
  if (line.text == "*") return done(501, "5.7.0", "Authentication cancelled");
  auto decoded = base64_decode(line.text);
  if (!decoded || !session.in().ended_crlf()) return done(501, "5.5.2", "Bad base64");
  out.text = std::move(*decoded);
  return std::nullopt;
}

Outcome check(Session& session, std::string_view user, std::string_view password) {
  constexpr std::string_view kNever("\0\r\n", 3);
  Outcome outcome = done(535, "5.7.8", "Wrong name or password");
  if (!user.empty() && !password.empty() && user.find_first_of(kNever) == user.npos &&
      password.find_first_of(kNever) == password.npos) {
    outcome.reply = session.backend().authenticate(user, password);
    outcome.logged = true;
  }
  if (outcome.reply.code == 235) {
    session.state().user = user;
  } else if (++session.state().auth_failures >= session.facts().login_tries) {
    outcome.next = Next::Close;
  }
  return outcome;
}

// message = [authzid] NUL authcid NUL passwd
Outcome auth_plain(Session& session, Secret& message) {
  std::string_view rest = message.text;
  if (rest.find('\0') == rest.npos || rest.find('\0') == rest.rfind('\0'))
    return done(501, "5.5.2", "Bad PLAIN message");
  const std::string_view acts_for = take_until(rest, '\0');
  const std::string_view user = take_until(rest, '\0');
  if (!acts_for.empty() && acts_for != user) return done(535, "5.7.8", "Wrong name or password");
  return check(session, user, rest);
}

Outcome auth_login(Session& session, Secret& user) {
  Secret password;
  if (auto failed = read_response(session, "Password:", password)) return std::move(*failed);
  return check(session, user.text, password.text);
}

}  // namespace

Outcome cmd_auth(Session& session, std::string_view argument) {
  if (!session.may_auth())
    return done(session.facts().tls ? 503 : 538, session.facts().tls ? "5.5.1" : "5.7.11",
                "Encryption is required");
  if (!session.state().user.empty()) return done(503, "5.5.1", "Already logged in");
  const std::string_view mechanism = take_until(argument, ' ');
  const bool plain = iequals(mechanism, "PLAIN");
  if (!plain && !iequals(mechanism, "LOGIN")) return done(504, "5.5.4", "Unknown mechanism");
  Secret first;
  if (argument.empty()) {
    if (auto failed = read_response(session, plain ? "" : "Username:", first))
      return std::move(*failed);
  } else if (argument != "=") {
    auto decoded = base64_decode(argument);
    if (!decoded) return done(501, "5.5.2", "Bad base64");
    first.text = std::move(*decoded);
  }
  return plain ? auth_plain(session, first) : auth_login(session, first);
}

Outcome cmd_starttls(Session& session, std::string_view) {
  if (session.facts().tls) return done(503, "5.5.1", "TLS is already in use");
  if (!session.facts().offer_tls) return done(502, "5.5.1", "No TLS here");
  // What came in the clear behind the command could have been put there by anybody; it must
  // never be taken for something said under TLS.
  if (session.in().ready()) return closing(501, "5.5.1", "Wait for the answer to STARTTLS");
  session.out().send(done(220, "2.0.0", "Start TLS now").reply);
  session.out().flush();
  session.forget_mail();
  session.backend().start_tls();
  Outcome outcome = done(0, "", "");
  outcome.next = Next::CloseSilently;
  return outcome;
}

}  // namespace dmail::dsmtpd

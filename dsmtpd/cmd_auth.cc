// AUTH (RFC 4954) and STARTTLS (RFC 3207).  The monitor judges logins.
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/wipe.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/session.h"
#include "io/connection_over.h"
#include "io/wipe_stack.h"
#include "privsep/sasl_dialogue.h"

namespace dmail::dsmtpd {
namespace {

// The lines of one AUTH command.
class AuthTalk : public privsep::SaslTalk {
 public:
  explicit AuthTalk(Session& session) : session_(session) {}

  privsep::GateAnswer ask(const privsep::Frame& request) override {
    asked = true;
    return session_.backend().ask_gate(request);
  }

  std::optional<std::string> response(const std::string& challenge) override {
    session_.out().send(done(334, "", challenge).reply);
    session_.out().flush();
    std::string line;
    switch (session_.in().read_line(line, kMaxAuthLine, session_.command_deadline())) {
      case LineReader::Line::End:
        throw ConnectionOver(ConnectionOver::Why::PeerClosed, "closed during AUTH");
      case LineReader::Line::TooLong:
        wipe(line);
        ended = done(500, "5.5.6", "Authentication line too long");
        return std::nullopt;
      case LineReader::Line::Ok:
        break;
    }
    if (session_.in().ended_crlf()) return line;
    wipe(line);
    ended = done(500, "5.5.2", "End lines with CR LF");
    return std::nullopt;
  }

  bool asked = false;  // the monitor, who has logged what came of it
  Outcome ended;       // for SaslOutcome::Kind::Over

 private:
  Session& session_;
};

Outcome reply_for(const privsep::SaslOutcome& outcome, const AuthTalk& talk) {
  using Kind = privsep::SaslOutcome::Kind;
  switch (outcome.kind) {
    case Kind::Accepted:
      return done(235, "2.7.0", "Logged in");
    case Kind::Wrong:
    case Kind::OtherUser:
      return done(535, "5.7.8", "Wrong name or password");
    case Kind::Temporary:
      return done(454, "4.7.0", "Logins cannot be checked now; try later");
    case Kind::Limit:
      return done(454, "4.7.0", "Too many sessions of this account");
    case Kind::Cancelled:
      return done(501, "5.7.0", "Authentication cancelled");
    case Kind::BadMessage:
      return done(501, "5.5.2", std::string(outcome.text));
    case Kind::NotOffered:
      return done(504, "5.5.4", "Mechanism not available");
    case Kind::NeedsTls:
      return done(538, "5.7.11", "Encryption is required");
    case Kind::Over:
      break;
  }
  return talk.ended;
}

}  // namespace

// AUTH mechanism [initial-response]
Outcome cmd_auth(Session& session, std::string_view argument) {
  if (session.state().logged_in) return done(503, "5.5.1", "Already logged in");
  AuthTalk talk(session);
  privsep::SaslRequest request;
  const std::string offered = session.mechanisms();
  request.offered = offered;
  request.mechanism = take_until(argument, ' ');
  const std::string mechanism(request.mechanism.substr(0, 24));  // the line is gone at the end
  request.may_send_secret = session.facts().tls || session.trusted_address();
  if (!argument.empty()) request.initial = std::string(argument);
  request.tls = session.facts().tls_stream;
  const privsep::SaslOutcome result = privsep::run_sasl(talk, std::move(request));
  session.in().forget_used();
  wipe_stack();
  Outcome outcome = reply_for(result, talk);
  outcome.logged = talk.asked;
  if (const std::string why = privsep::refusal_text(mechanism, result);
      !talk.asked && !why.empty()) {
    session.backend().note("refused", why);
    outcome.logged = true;
  }
  session.state().logged_in = outcome.reply.code == 235;
  if (result.last) outcome.next = Next::Close;
  return outcome;
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

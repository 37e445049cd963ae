#include "privsep/sasl_dialogue.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"
#include "privsep/mechanisms.h"
#include "privsep/sasl.h"
#include "privsep/sasl_protocol.h"

namespace dmail::privsep {
namespace {

using Kind = SaslOutcome::Kind;

// RFC 7628 section 3.2.2, and what Google made of it: the reason, to be acknowledged by the client.
constexpr std::string_view kBearerError = R"({"status":"invalid_token","schemes":"bearer"})";
constexpr std::string_view kXoauthError = R"({"status":"401","schemes":"bearer"})";

struct Wiped {
  std::string text;
  ~Wiped() { wipe(text); }
};

SaslOutcome outcome(Kind kind, std::string_view text = {}) { return {kind, text, false}; }

SaslOutcome outcome_of(const GateAnswer& answer) {
  using Answer = GateAnswer::Kind;
  Kind kind = Kind::Temporary;
  if (answer.kind == Answer::Accepted) kind = Kind::Accepted;
  if (answer.kind == Answer::Wrong) kind = Kind::Wrong;
  if (answer.kind == Answer::Unavailable) kind = Kind::NotOffered;
  if (answer.kind == Answer::Limit) kind = Kind::Limit;
  if (answer.kind == Answer::Cancelled) kind = Kind::Cancelled;
  return {kind, {}, answer.last};
}

// A response to `challenge` into `out`, still base64.
std::optional<SaslOutcome> respond(SaslTalk& talk, std::string_view challenge, std::string& out) {
  auto line = talk.response(base64_encode(challenge));
  if (!line) return outcome(Kind::Over);
  out = std::move(*line);
  if (out == "*") return outcome(Kind::Cancelled);
  return std::nullopt;
}

SaslOutcome bad_message(const Error& error) {
  if (error.kind == ErrorKind::NoPermission) return outcome(Kind::OtherUser);
  return outcome(Kind::BadMessage,
                 error.client == "Invalid base64" ? "Invalid base64" : "Invalid message");
}

SaslOutcome run_plain(SaslTalk& talk, Wiped& first) {
  auto given = sasl_plain(first.text);
  if (!given) return bad_message(given.error());
  return ask_authenticate(talk, given->user, given->password, "PLAIN");
}

SaslOutcome run_login(SaslTalk& talk, Wiped& first) {
  auto user = sasl_login(first.text);
  if (!user) return bad_message(user.error());
  Wiped second;
  if (auto end = respond(talk, "Password:", second.text)) return *end;
  auto password = sasl_login(second.text);
  if (!password) return bad_message(password.error());
  const SaslOutcome result = ask_authenticate(talk, *user, *password, "LOGIN");
  wipe(*password);
  return result;
}

SaslOutcome run_token(SaslTalk& talk, Wiped& first, std::string_view method) {
  const bool bearer = method == "OAUTHBEARER";
  auto given = bearer ? sasl_oauthbearer(first.text) : sasl_xoauth2(first.text);
  if (!given) return bad_message(given.error());
  const SaslOutcome result = ask_authenticate(talk, given->user, given->password, method);
  if (result.kind != Kind::Wrong) return result;
  // Whatever the client says to it, it has failed.
  Wiped ignored;
  if (auto end = respond(talk, bearer ? kBearerError : kXoauthError, ignored.text))
    if (end->kind == Kind::Over) return *end;
  return result;
}

// Between client and monitor until one of them has enough.
SaslOutcome carry(SaslTalk& talk, GateAnswer answer) {
  while (answer.kind == GateAnswer::Kind::Challenge) {
    Wiped line;
    std::optional<SaslOutcome> end = respond(talk, answer.challenge, line.text);
    std::optional<std::string> bytes;
    if (!end) bytes = base64_decode(line.text);
    if (!end && (!bytes || bytes->size() > kMaxSaslMessage))
      end = outcome(Kind::BadMessage, "Invalid base64");
    if (end) {
      const GateAnswer cancelled = talk.ask(Frame(kSaslCancel));
      end->last = cancelled.last;
      return *end;
    }
    answer = talk.ask(Frame(kSaslStep, {std::move(*bytes)}));
  }
  return outcome_of(answer);
}

SaslOutcome run_opaque(SaslTalk& talk, const Mechanism& mechanism, const SaslRequest& request) {
  if (request.initial && mechanism.server_first)
    return outcome(Kind::BadMessage, "No initial response with this mechanism");
  std::string initial;
  if (request.initial) {
    auto bytes = base64_decode(*request.initial);
    if (!bytes || bytes->size() > kMaxSaslMessage)
      return outcome(Kind::BadMessage, "Invalid base64");
    initial = std::move(*bytes);
  }
  Frame start(kSaslStart, {std::string(mechanism.name), request.initial ? "1" : "0",
                           std::move(initial), "", "", ""});
  if (request.tls != nullptr) {
    start.fields[3] = request.tls->binding("tls-exporter");
    start.fields[4] = request.tls->binding("tls-unique");
    if (mechanism.certificate) start.fields[5] = request.tls->client_proof();
  }
  return carry(talk, talk.ask(start));
}

}  // namespace

SaslOutcome ask_authenticate(SaslTalk& talk, std::string_view user, std::string_view secret,
                             std::string_view method) {
  // Made in place: a list in braces would leave a copy of the secret on the stack.
  Frame request(kAuthenticate);
  request.fields.reserve(3);
  for (const std::string_view field : {user, secret, method}) request.fields.emplace_back(field);
  return outcome_of(talk.ask(request));
}

SaslOutcome ask_apop(SaslTalk& talk, std::string_view user, std::string_view digest) {
  std::string initial(user);
  initial += ' ';
  initial += digest;
  const GateAnswer answer =
      talk.ask(Frame(kSaslStart, {"APOP", "1", std::move(initial), "", "", ""}));
  if (answer.kind != GateAnswer::Kind::Challenge) return outcome_of(answer);
  // APOP has one message.
  SaslOutcome result = outcome_of(talk.ask(Frame(kSaslCancel)));
  result.kind = Kind::Temporary;
  return result;
}

std::string refusal_text(std::string_view mechanism, const SaslOutcome& outcome) {
  const std::string_view why = [&]() -> std::string_view {
    switch (outcome.kind) {
      case Kind::Cancelled:
        return "cancelled";
      case Kind::BadMessage:
        return outcome.text;
      case Kind::OtherUser:
        return "acting for another user";
      case Kind::NotOffered:
        return "mechanism not available";
      case Kind::NeedsTls:
        return "needs TLS";
      default:
        return {};
    }
  }();
  if (why.empty()) return {};
  const auto is_part = [](char c) { return is_upper(c) || is_digit(c) || c == '-' || c == '_'; };
  const Mechanism* known = find_mechanism(mechanism);
  if (known != nullptr)
    mechanism = known->name;
  else if (mechanism.size() > 20 || !std::all_of(mechanism.begin(), mechanism.end(), is_part))
    mechanism = "(no mechanism)";
  return concat("SASL ", mechanism, ": ", why);
}

SaslOutcome run_sasl(SaslTalk& talk, SaslRequest request) {
  Wiped first;
  if (request.initial) {
    first.text = std::move(*request.initial);
    if (first.text == "=") first.text.clear();
    request.initial = first.text;
  }
  const Mechanism* m = find_mechanism(request.mechanism);
  if (m == nullptr || !m->sasl) return outcome(Kind::NotOffered);
  if (m->clear && !request.may_send_secret) return outcome(Kind::NeedsTls);
  if (!is_offered(request.offered, m->name)) return outcome(Kind::NotOffered);
  if (!m->clear) return run_opaque(talk, *m, request);
  if (!request.initial) {
    const std::string_view prompt = m->name == "LOGIN" ? "Username:" : "";
    if (auto end = respond(talk, prompt, first.text)) return *end;
  } else {
    wipe(*request.initial);
  }
  if (m->name == "PLAIN") return run_plain(talk, first);
  if (m->name == "LOGIN") return run_login(talk, first);
  return run_token(talk, first, m->name);
}

}  // namespace dmail::privsep

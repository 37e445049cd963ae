// The gate's half of an exchange with dmsasl (sasl_protocol.h).  The bytes pass through unread;
// what is decided here is whose secret is given out and whether its owner may log in.
#include <utility>

#include "auth/secret.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "privsep/gate.h"
#include "privsep/mechanisms.h"
#include "privsep/sasl_protocol.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr size_t kMaxAskedUser = 1024;

[[noreturn]] void broken(const char* text) { throw ConnectionOver(Why::ProtocolBroken, text); }

Error nonsense(const char* what) {
  return Error{ErrorKind::Corrupt, "", concat("dmsasl speaks nonsense: ", what)};
}

bool same_account(const account::Name& a, const account::Name& b) {
  return a.user == b.user && a.domain == b.domain && a.prefix == b.prefix &&
         a.is_virtual == b.is_virtual && a.auth_name == b.auth_name && a.drop_path == b.drop_path;
}

// Whom to ask about in the place of a name that no rule lets in, for the time it takes.
account::Name nobody() {
  account::Name name;
  name.user = name.auth_name = "nobody-of-this-name";
  return name;
}

}  // namespace

void Gate::on_sasl_start(Frame& frame) {
  const std::string& name = frame.fields[0];
  const Mechanism* m = find_mechanism(name);
  if (m == nullptr || m->clear || m->name != name || !is_offered(mechanisms(), name))
    broken("a mechanism that is not on offer");
  const std::string &has_initial = frame.fields[1], &initial = frame.fields[2];
  if ((has_initial != "0" && has_initial != "1") || (has_initial == "0" && !initial.empty()) ||
      initial.size() > kMaxSaslMessage)
    broken("an odd start of an exchange");
  const std::string &exporter = frame.fields[3], &unique = frame.fields[4],
                    &proof = frame.fields[5];
  if (exporter.size() > kMaxBinding || unique.size() > kMaxBinding || proof.size() > kMaxProof ||
      (!tls_ && !concat(exporter, unique, proof).empty()))
    broken("odd channel bindings");
  if (!begin_attempt("", name)) return;
  if (Status started = start_exchange(frame); !started) {
    log_.error("sasl-failed", {{"ip", ends_.client_ip}, {"text", started.error().log}});
    return send(refuse(Kind::Temporary, "temporary", started.error().log));
  }
  send(run_exchange());
}

Status Gate::start_exchange(const Frame& frame) {
  auto key = host_decoy_key(settings_.work_path);
  if (!key) return std::move(key.error());
  SaslBegin begin;
  begin.decoy_key = std::move(*key);
  begin.service = account::service_name(service_);
  begin.host = host_;
  begin.realm = settings_.login_realm.empty() ? host_ : settings_.login_realm;
  begin.mechanism = frame.fields[0];
  begin.has_initial = frame.fields[1] == "1";
  begin.initial = frame.fields[2];
  begin.tls_exporter = frame.fields[3];
  begin.tls_unique = frame.fields[4];
  begin.proof = frame.fields[5];
  begin.plus_offered = is_offered(mechanisms(), begin.mechanism.ends_with("-PLUS")
                                                    ? begin.mechanism
                                                    : concat(begin.mechanism, "-PLUS"));
  begin.tls_stamp = begin.apop_stamp = stamp();
  begin.client_ip = ends_.client_ip;
  begin.kerberos_realm = settings_.kerberos_realm;
  auto program = SaslProgram::start(settings_, begin.mechanism, tls_);
  if (!program) return std::move(program.error());
  exchange_ = std::make_unique<Exchange>();
  exchange_->program = std::move(*program);
  exchange_->names_user = find_mechanism(begin.mechanism)->names_user;
  return exchange_->program->send(frame_of(begin));
}

void Gate::on_sasl_step(Frame& frame) {
  if (frame.fields[0].size() > kMaxSaslMessage) broken("a long response");
  attempt_.began = monotonic_ms();
  if (++exchange_->steps > kMaxSaslSteps)
    return send(refuse(Kind::Wrong, "password", "an exchange without end"));
  const Status sent = exchange_->program->send(Frame(kExchangeStep, {frame.fields[0]}));
  send(sent ? run_exchange() : exchange_died(sent.error()));
}

void Gate::on_sasl_cancel() { send(give_up(Kind::Cancelled, "")); }

// Until dmsasl has something for the client.
GateAnswer Gate::run_exchange() {
  for (;;) {
    auto said = exchange_->program->receive();
    if (!said) return exchange_died(said.error());
    const size_t fields = said->fields.size();
    if (said->type == kExchangeChallenge && fields == 1 &&
        said->fields[0].size() <= kMaxSaslMessage)
      return {Kind::Challenge, said->fields[0], false};
    if (said->type == kExchangeDone && fields == 2)
      return exchange_done(said->fields[0], said->fields[1]);
    if (said->type == kExchangeFailed && fields == 3) return exchange_failed(*said);
    if (said->type != kExchangeWantSecret || fields != 1 || exchange_->asked)
      return exchange_died(nonsense("an unknown frame"));
    if (Status given = give_secret(said->fields[0]); !given) return exchange_died(given.error());
  }
}

Status Gate::give_secret(const std::string& user) {
  if (user.size() > kMaxAskedUser || exchange_->names_user)
    return nonsense("a secret it has no use for");
  exchange_->asked = true;
  attempt_.user = user;
  auto name = name_of(user);
  if (!name) attempt_.name_refused = name.error().log;
  auth::Answer answer = authenticator().secret(name ? *name : nobody(), attempt_.method);
  if (!name && answer.kind != auth::Answer::Kind::Dead) {
    auth::wipe_labels(answer.labels);
    answer.kind = auth::Answer::Kind::No;
  }
  if (answer.ok()) exchange_->name = std::move(*name);
  const Status sent = exchange_->program->send(secret_frame(answer, attempt_.account));
  auth::wipe_labels(answer.labels);
  return sent;
}

// dmsasl says that `user` is who he says.  It is believed for the one name whose secret it has.
GateAnswer Gate::exchange_done(const std::string& user, const std::string& acts_for) {
  std::optional<account::Name> name = std::move(exchange_->name);
  const bool names_user = exchange_->names_user;
  if (!names_user && (!name || user != attempt_.user))
    return exchange_died(nonsense("a login of somebody else"));
  exchange_.reset();
  if (names_user) {
    attempt_.user = user;
    auto resolved = name_of(user);
    if (!resolved) return refuse(Kind::Wrong, "name", resolved.error().log);
    // A certificate or ticket of another domain is no proof of being a user of ours, whatever a
    // module makes of the name.
    if (account::is_of_unknown_domain(*resolved, settings_))
      return refuse(Kind::Wrong, "name", "neither local nor in login_domain: the name's domain");
    name = std::move(*resolved);
  }
  const std::string account = attempt_.account;
  if (!acts_for.empty()) {
    auto other = name_of(acts_for);
    attempt_.account = account;
    if (!other || !same_account(*other, *name))
      return refuse(Kind::Wrong, "authorization", concat("to act for ", acts_for));
  }
  auth::Answer answer = authenticator().may_log_in(*name);
  if (answer.kind == auth::Answer::Kind::No) return refuse(Kind::Wrong, "account", answer.text);
  if (!answer.ok()) return refuse(Kind::Temporary, "temporary", answer.text);
  return admit(std::move(*name), std::move(answer));
}

GateAnswer Gate::exchange_failed(const Frame& frame) {
  const std::string &why = frame.fields[0], &text = frame.fields[2];
  if (attempt_.user.empty()) attempt_.user = frame.fields[1];
  if (why == "unavailable") return give_up(Kind::Unavailable, text);
  if (why == "temporary") return refuse(Kind::Temporary, "temporary", text);
  // A name that no rule lets in went through it all like a wrong secret.
  if (!attempt_.name_refused.empty()) return refuse(Kind::Wrong, "name", attempt_.name_refused);
  return refuse(Kind::Wrong, "password", text);
}

GateAnswer Gate::exchange_died(const Error& error) {
  log_.error("sasl-failed", {{"ip", ends_.client_ip}, {"text", error.log}});
  return refuse(Kind::Temporary, "temporary", error.log);
}

}  // namespace dmail::privsep

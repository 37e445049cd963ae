#include "privsep/gate.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "account/address_list.h"
#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"
#include "io/connection_over.h"
#include "io/stream.h"
#include "privsep/mechanisms.h"
#include "privsep/monitor_options.h"
#include "privsep/session_facts.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr int kSendMs = 30 * 1000;

[[noreturn]] void broken(const char* text) { throw ConnectionOver(Why::ProtocolBroken, text); }

bool is_tls_fact(const std::string& text) {
  return text.size() <= kMaxTlsFact &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_graph(c); });
}

// Whether `method` of an Authenticate may be used with these mechanisms.
bool permits(std::string_view mechanisms, std::string_view method, account::Service service) {
  if (method == "USER") return service == account::Service::Pop && password_commands(mechanisms);
  if (method == "LOGIN" && service == account::Service::Imap) return password_commands(mechanisms);
  const Mechanism* m = find_mechanism(method);
  return m != nullptr && m->clear && m->name == method && is_offered(mechanisms, method);
}

}  // namespace

Gate::Gate(const conf::Settings& settings, log::Log& log, const Endpoints& ends,
           account::Service service, Channel& channel)
    : settings_(settings),
      log_(log),
      ends_(ends),
      service_(service),
      channel_(channel),
      host_(greeting_host(settings.host_domain.empty() ? "" : settings.host_domain.front(),
                          settings.dpop_host)),
      ids_(host_ids(settings)),
      tally_(settings, log, ids_.mail),
      places_(settings, log) {
  if (!log_.wants(log::Level::Debug)) return;
  const std::string unknown = unknown_mechanisms(mechanisms_setting(settings_, service_));
  if (!unknown.empty()) log_.error("config-warning", {{"mechanisms", unknown}});
}

Gate::~Gate() = default;

void Gate::set_tls(const TlsFiles& files) {
  tls_ = &files;
  places_.leave_user();
  login_.reset();  // nothing that was said before it counts (RFC 3207 section 4.2)
}

bool Gate::may_send_password() const { return tls_ || plaintext_ok(settings_, ends_.peer_ip); }

std::string Gate::mechanisms() const {
  return offered_mechanisms(mechanisms_setting(settings_, service_), service_,
                            {tls_ != nullptr, plaintext_ok(settings_, ends_.peer_ip),
                             !settings_.tls_client_ca.empty(), !settings_.kerberos_keytab.empty()});
}

const std::string& Gate::stamp() {
  if (!stamp_.empty()) return stamp_;
  unsigned char random[16];
  if (::getrandom(random, sizeof random, 0) != sizeof random)
    throw ConnectionOver(Why::PeerClosed, system_error("getrandom", errno).log);
  stamp_ = "<";
  for (const unsigned char byte : random) append_hex(stamp_, byte, 2);
  append(stamp_, concat('.', wall_seconds(), '@', host_, '>'));
  return stamp_;
}

void Gate::client_known() {
  if (login_ || exchange_) broken("another client after the login");
  authenticator_.reset();  // it was told the address
  if (!places_.take_address(ends_.client_ip))
    throw ConnectionOver(Why::PeerClosed, "the client has too many connections");
}

auth::Authenticator& Gate::authenticator() {
  if (!authenticator_)
    authenticator_ = make_authenticator(settings_, service_, ends_.client_ip, ids_);
  return *authenticator_;
}

void Gate::send(const GateAnswer& answer) {
  channel_.send(frame_of(answer), Deadline::in_ms(kSendMs));
}

void Gate::on_tls_facts(const Frame& frame) {
  if (!tls_ || !tls_version_.empty()) broken("facts about TLS out of place");
  const std::string& resumed = frame.fields[2];
  if (!is_tls_fact(frame.fields[0]) || !is_tls_fact(frame.fields[1]) || frame.fields[0].empty() ||
      (resumed != "0" && resumed != "1"))
    broken("odd facts about TLS");
  tls_version_ = frame.fields[0];
  tls_cipher_ = frame.fields[1];
  tls_resumed_ = resumed == "1";
}

// ---- one try

bool Gate::out_of_tries() const { return tries_ >= kMaxTries || cancels_ >= kMaxCancels; }

bool Gate::begin_attempt(std::string_view user, std::string_view method) {
  if (login_) broken("a login after the login");
  if (out_of_tries()) broken("one login too many");
  const bool judged = wait_for_turn();
  attempt_ = {monotonic_ms(), std::string(user), "", std::string(method), ""};
  if (judged) return true;
  send(refuse(Kind::Temporary, "limit", "too many attempts of this address wait"));
  return false;
}

// False: so many attempts of this address wait that this one is not judged at all.  A jailed
// process that leaves before its turn is not judged either: what a secret is worth shows elsewhere,
// too (relaying after login, the log).
bool Gate::wait_for_turn() {
  turn_.reset();
  const std::string& ip = ends_.client_ip;
  if (!tally_.counts(ip)) return true;
  constexpr int kLookAgainMs = 50;
  auto pause = [&](int64_t ms) {
    if (ms > 0 && wait_gone(channel_.fd(), Deadline::in_ms(ms)))
      throw ConnectionOver(Why::PeerClosed, "gone before its turn");
  };
  const Deadline patience =
      Deadline::in_ms(2 * std::max(settings_.login_delay, settings_.login_delay_max));
  for (;;) {
    const int64_t ms = tally_.wait_ms(ip);
    if (ms == Tally::kFull) return false;
    pause(ms);
    if (places_.take_turn(ip, turn_)) return true;
    while (!places_.take_turn(ip, turn_)) {
      if (patience.passed()) return false;
      pause(kLookAgainMs);
    }
    // Those before it may have failed: then it queues up as if it came now.
    if (!tally_.has_failures(ip)) return true;
    turn_.reset();
    if (patience.passed()) return false;
  }
}

Result<account::Name> Gate::name_of(std::string_view user) {
  auto name = account::login_name({user, ends_.client_ip, ends_.local_ip, service_}, settings_);
  if (name) attempt_.account = account::text_of(*name);
  return name;
}

void Gate::on_authenticate(Frame& frame) {
  std::string& secret = frame.fields[1];
  const std::string& method = frame.fields[2];
  // The mechanisms on offer are what TLS, the address and the settings allow.
  if (!permits(mechanisms(), method, service_)) broken("a secret out of place");
  if (!begin_attempt(frame.fields[0], method)) return wipe(secret);
  const Mechanism* m = find_mechanism(method);
  const GateAnswer answer = judge(frame.fields[0], secret, m != nullptr && m->token);
  wipe(secret);
  send(answer);
}

GateAnswer Gate::judge(std::string_view user, std::string_view secret, bool is_token) {
  auto name = name_of(user);
  auth::Answer answer;
  if (is_token && name)
    answer = authenticator().token(*name, secret);
  else
    answer = check_password(authenticator(), name, secret);
  if (answer.ok()) {
    GateAnswer answered = admit(std::move(*name), std::move(answer));
    if (login_ && !is_token) keep_password(secret);
    return answered;
  }
  if (answer.kind == auth::Answer::Kind::No)
    return refuse(Kind::Wrong, name ? "password" : "name", answer.text);
  return refuse(Kind::Temporary, "temporary", answer.text);
}

// The secret was right.  What more there is to ask about the account, is asked here.
GateAnswer Gate::admit(account::Name name, auth::Answer answer) {
  const std::string* on = answer.label(account::service_name(service_));
  if (on != nullptr && iequals(*on, "no"))
    return refuse(Kind::Wrong, "service", "the account may not use this service");
  const std::string* from = answer.label("ip");
  if (from != nullptr && !ends_.client_ip.empty() &&
      !account::addresses_allow({*from}, ends_.client_ip))
    return refuse(Kind::Wrong, "address", "the account may not log in from this address");

  auto login = std::make_unique<Login>();
  login->name = std::move(name);
  login->answer = std::move(answer);
  login->method = attempt_.method;
  if (Status done = set_account(*login); !done)
    return refuse(Kind::Temporary, "account", done.error().log);

  if (!places_.take_user(account::service_name(service_), login->user))
    return refuse(Kind::Limit, "limit", "max_sessions_per_user");
  if (service_ != account::Service::Smtp) tally_.logged_in(ends_.client_ip, login->user);

  log_.info("login", {{"user", attempt_.user},
                      {"account", login->user},
                      {"ip", ends_.client_ip},
                      {"service", account::service_name(service_)},
                      {"method", attempt_.method},
                      {"tls", tls_ != nullptr},
                      {"version", tls_version_},
                      {"cipher", tls_cipher_},
                      {"resumed", tls_resumed_}});
  login->facts = facts_of(*login);
  login_ = std::move(login);
  turn_.reset();
  return {Kind::Accepted, "", false};
}

// Without them the session is served, and dmwho does not know of it.
OwnedFd Gate::facts_of(const Login& login) {
  SessionFacts facts;
  facts.service = account::service_name(service_);
  facts.user = login.user;
  facts.client_ip = ends_.client_ip;
  facts.session_id = log_.session();
  facts.since = wall_seconds();
  facts.tls = tls_ != nullptr;
  auto sealed = seal_facts(facts);
  if (sealed) return std::move(*sealed);
  log_.error("session-facts-failed", {{"user", login.user}, {"text", sealed.error().log}});
  return {};
}

Gate::Login::~Login() { wipe(password); }

// Only where it will be needed to log in on another host.
void Gate::keep_password(std::string_view secret) {
  if (settings_.remote_accounts == "proxy" && login_->answer.label("host") != nullptr)
    login_->password = secret;
}

void Gate::forget_password() { wipe(login_->password); }

Status Gate::set_account(Login& login) {
  const account::Facts& facts = login.answer.facts;
  if (service_ == account::Service::Smtp) {
    // Whoever sends mail need not have a mailbox here.
    if (facts.account.empty()) return login.user = account::text_of(login.name), Status();
    auto own = account::own_name(login.name, facts.account, settings_);
    if (!own) return std::move(own.error());
    login.user = account::text_of(*own);
    return {};
  }
  auto account = account::account_of(login.name, facts, settings_);
  if (!account) return std::move(account.error());
  login.user = account->user;
  login.account = std::move(*account);
  return {};
}

// One answer for a name that does not exist and a secret that is wrong, after the same time.
GateAnswer Gate::refuse(Kind kind, const char* reason, std::string_view text) {
  exchange_.reset();
  ++tries_;
  // Temporary is ours or the module's: somebody has to look; but for a client's own crowd.
  const bool ours = kind == Kind::Temporary && std::string_view(reason) != "limit";
  log_.line(ours ? log::Level::Error : log::Level::Info, "login-failed",
            {{"user", attempt_.user},
             {"account", attempt_.account},
             {"ip", ends_.client_ip},
             {"service", account::service_name(service_)},
             {"method", attempt_.method},
             {"tls", tls_ != nullptr},
             {"version", tls_version_},
             {"reason", reason},
             {"text", text}});
  const int64_t delay =
      kind == Kind::Wrong ? tally_.failed(ends_.client_ip, attempt_.user) : settings_.login_delay;
  turn_.reset();  // the failure is recorded
  wait_after_refusal(attempt_.began, delay, channel_.fd());
  return {kind, "", out_of_tries()};
}

GateAnswer Gate::give_up(Kind kind, std::string_view text) {
  exchange_.reset();
  turn_.reset();
  ++cancels_;
  log_.info(kind == Kind::Cancelled ? "login-cancelled" : "login-unavailable",
            {{"user", attempt_.user},
             {"ip", ends_.client_ip},
             {"service", account::service_name(service_)},
             {"method", attempt_.method},
             {"text", text}});
  return {kind, "", out_of_tries()};
}

void Gate::take_back_login() {
  places_.leave_user();
  login_.reset();
  ++tries_;
  send({Kind::Temporary, "", out_of_tries()});
}

}  // namespace dmail::privsep

#include "dsmtpd/monitor.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/remote_delivery.h"
#include "io/child.h"
#include "io/connection_over.h"
#include "privsep/drop.h"
#include "privsep/jail.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"
#include "privsep/program.h"
#include "privsep/request_table.h"

namespace dmail::dsmtpd {
namespace {

using privsep::Frame;
using Why = ConnectionOver::Why;

constexpr uint64_t kPlainSpace = 48u << 20;  // address space of the session, bytes
constexpr uint64_t kTlsSpace = 128u << 20;
constexpr int kSendMs = 30 * 1000;
constexpr int kEndMs = 30 * 1000;  // for a child that has closed its socket to leave

using M = Monitor;
constexpr privsep::Request<M> kRequests[] = {
    {kAddRecipient, "add-recipient", M::Idle | M::HasRecipients, 2, &M::on_add_recipient},
    {kForget, "forget", M::kAny, 0, &M::on_forget},
    {kOpenSpool, "open-spool", M::HasRecipients, 0, &M::on_open_spool},
    {kDeliver, "deliver", M::HasSpool, 3, &M::on_deliver},
    {privsep::kAuthenticate, "authenticate", M::Idle, privsep::kAuthenticateFields,
     &M::on_authenticate},
    {privsep::kSaslStart, "sasl-start", M::Idle, privsep::kSaslStartFields, &M::on_sasl_start},
    {privsep::kSaslStep, "sasl-step", M::Exchanging, 1, &M::on_sasl_step},
    {privsep::kSaslCancel, "sasl-cancel", M::Exchanging, 0, &M::on_sasl_cancel},
    {privsep::kTlsFacts, "tls-facts", M::Idle, privsep::kTlsFactsFields, &M::on_tls_facts},
    {privsep::kCertificateFor, "certificate-for", M::Idle, 1, &M::on_certificate_for},
    {kStartTls, "start-tls", M::Idle, 0, &M::on_start_tls},
    {kForwarded, "forwarded", M::Idle, privsep::kForwardedFields, &M::on_forwarded},
    {kNote, "note", M::kAny | M::Exchanging, 2, &M::on_note},
};

[[noreturn]] void broken(const std::string& text) {
  throw ConnectionOver(Why::ProtocolBroken, text);
}

}  // namespace

Monitor::Monitor(conf::Settings settings, log::Log& log, privsep::Endpoints ends, Service service,
                 bool tls)
    : settings_(std::move(settings)),
      log_(log),
      ends_(std::move(ends)),
      service_(service),
      tls_(tls),
      gate_(settings_, log_, ends_, account::Service::Smtp, channel_) {
  if (tls) gate_.set_tls(tls_files_);
}

void Monitor::run() {
  start_session(true);
  try {
    privsep::serve(*this, kRequests, channel_, deadline_);
  } catch (const ConnectionOver& over) {
    if (over.why() == Why::ProtocolBroken)
      log_.error("privsep-violation", {{"ip", ends_.client_ip}, {"text", over.what()}});
    end_session(true);
    return;
  }
  end_session(false);
  log_.debug("closed", {{"ip", ends_.client_ip}});
}

// ---- the session

void Monitor::start_session(bool greet) {
  auto made = privsep::Channel::make();
  if (!made) broken(made.error().log);
  channel_ = std::move(made->first);

  StartFacts start;
  start.session.service = service_;
  start.session.host = gate_.host();
  start.session.client_ip = ends_.client_ip;
  start.session.tls = tls_;
  start.session.trusted_peer = privsep::is_trusted_proxy(settings_, ends_.peer_ip);
  start.session.offer_tls = privsep::tls_configured(settings_) && !tls_;
  if (service_ != Service::Lmtp) start.session.mechanisms = gate_.mechanisms();
  start.stamp = gate_.stamp();
  start.tls_by_name = !settings_.tls_certificate_for.empty();
  start.greet = greet;
  start.settings = settings_;
  channel_.send(frame_of(start), Deadline::in_ms(kSendMs));

  privsep::JailPlan plan;
  const std::string name = tls_ ? "dsmtpd-session-tls" : "dsmtpd-session";
  plan.program = privsep::sibling(settings_.libexec_path, name);
  plan.arguments = {name};
  plan.descriptors = {{0, 0}, {1, 1}, {2, 2}, {made->second.get(), privsep::kMonitorFd}};
  plan.root_directory = settings_.jail_path;
  // It would talk on until it needs the monitor: whoever ends the monitor means the connection.
  plan.ends_with_us = true;
  plan.address_space = tls_ ? kTlsSpace : kPlainSpace;
  plan.file_size = static_cast<uint64_t>(settings_.message_size_limit) + kMaxTextLine;
  if (tls_)
    if (Status added = tls_files_.add_to(plan); !added) broken(added.error().log);
  if (privsep::is_root()) {
    auto ids = privsep::ids_of(settings_.login_user);
    if (!ids) broken(ids.error().log);
    plan.ids = *ids;
  }
  auto child = privsep::start_jailed(plan);
  if (!child) broken(child.error().log);
  session_ = *child;
  tls_files_.started();
}

// The session is told to end (`now`), or has hung up.  Its end is worth a line when it was not its
// own decision.
void Monitor::end_session(bool now) {
  channel_.close();
  if (session_ < 0) return;
  if (now) ::kill(session_, SIGKILL);
  const int status = reap(session_, Deadline::in_ms(kEndMs));
  session_ = -1;
  if (now) return;
  if (WIFSIGNALED(status))
    log_.error("session-died", {{"ip", ends_.client_ip}, {"signal", WTERMSIG(status)}});
  else if (WEXITSTATUS(status) != 0)
    log_.error("session-failed", {{"ip", ends_.client_ip}, {"status", WEXITSTATUS(status)}});
}

void Monitor::send(const Reply& reply) { channel_.send(frame_of(reply), Deadline::in_ms(kSendMs)); }

void Monitor::on_start_tls(Frame&) {
  if (tls_ || !privsep::tls_configured(settings_)) broken("TLS is not on offer");
  end_session(true);
  tls_ = true;
  gate_.set_tls(tls_files_);
  // What was said in the clear is forgotten.
  passed_on_ = false;
  ends_.client_ip = ends_.peer_ip;
  ends_.client_port = ends_.peer_port;
  gate_.client_known();
  try {
    start_session(false);
  } catch (const ConnectionOver& over) {
    // Our own fault (a certificate that is not there), not the session's.
    log_.error("tls-failed", {{"ip", ends_.client_ip}, {"text", over.what()}});
    throw ConnectionOver(Why::PeerClosed, over.what());
  }
}

void Monitor::on_certificate_for(Frame& frame) { tls_files_.on_certificate_for(frame, channel_); }

void Monitor::on_forwarded(Frame& frame) {
  constexpr int kMaxForwards = 100;  // one each session of the proxy that it keeps open for many
  if (++forwards_ > kMaxForwards) broken("too many clients");
  privsep::take_forwarded(frame, settings_, log_, ends_, passed_on_);
  relay_.reset();
  gate_.client_known();
  channel_.send(Frame(kForwarded), Deadline::in_ms(kSendMs));
}

void Monitor::on_note(Frame& frame) {
  if (++notes_ > 2 * kMaxNotes || !privsep::is_note(frame, kMaxNote))
    broken("too many notes, or no note");
  log_.info(frame.fields[0], {{"ip", ends_.client_ip}, {"text", frame.fields[1]}});
}

// ---- recipients and delivery

void Monitor::on_add_recipient(Frame& frame) {
  if (recipients_.size() >= static_cast<size_t>(settings_.max_rcpts)) broken("too many recipients");
  const Path path{frame.fields[0], frame.fields[1]};
  const std::string text = path.text();
  if (!is_clean(text) || path.local.size() > kMaxLocalPart || path.domain.size() > kMaxDomain)
    broken("an unclean address");
  const RecipientFinder finder(
      settings_, [this](const account::Name& name) { return gate_.authenticator().lookup(name); },
      passed_on_);
  auto found = finder.find(path.local, path.domain, text);
  if (auto* refused = std::get_if<RecipientRefused>(&found))
    return send(refuse_recipient(std::move(*refused), text));
  recipients_.push_back(std::move(std::get<Recipient>(found)));
  state_ = HasRecipients;
  send(answer(250, "2.1.5", "Recipient ok"));
}

Reply Monitor::refuse_recipient(RecipientRefused refused, const std::string& address) {
  // A session ends after so many errors, and there may be one more, with TLS: who goes on has taken
  // it over, asks who lives here and fills the log.
  if (++refused_ > 2 * settings_.smtp_max_errors) broken("too many refused recipients");
  std::string_view rule = "none", user;
  if (refused.remote) {
    rule = rule_name(relay().rule);
    user = relay().user;
    refused.reply = relay_reply(relay());
  }
  log_.info("recipient-refused", {{"to", address},
                                  {"ip", ends_.client_ip},
                                  {"code", refused.reply.code},
                                  {"relay", rule},
                                  {"relay_user", user},
                                  {"text", refused.log}});
  return std::move(refused.reply);
}

const RelayDecision& Monitor::relay() {
  if (relay_) return *relay_;
  RelayFacts facts;
  facts.lmtp = service_ == Service::Lmtp;
  if (gate_.login() != nullptr) facts.login = gate_.login()->user;
  facts.client_ip = ends_.client_ip;
  relay_ = relay_decision(settings_, facts,
                          [this] { return gate_.tally().relay_user(ends_.client_ip); });
  return *relay_;
}

void Monitor::on_forget(Frame&) {
  relay_.reset();
  recipients_.clear();
  spool_.reset();
  state_ = Idle;
}

void Monitor::on_open_spool(Frame&) {
  auto file = open_spool_file(settings_);
  if (!file) {
    log_.error("spool-failed", {{"text", file.error().log}});
    return send(answer(452, "4.3.1", "No room for a message now"));
  }
  Frame frame(kSpool);
  // The session writes through the descriptor it gets; what we keep can only read.
  auto readable = reopen_for_reading(file->get());
  if (!readable) {
    log_.error("spool-failed", {{"text", readable.error().log}});
    return send(answer(452, "4.3.1", "No room for a message now"));
  }
  spool_ = std::move(*readable);
  frame.fd = std::move(*file);
  channel_.send(frame, Deadline::in_ms(kSendMs));
  state_ = HasSpool;
}

void Monitor::on_deliver(Frame& frame) {
  Trace trace;
  trace.helo = frame.fields[0];
  trace.protocol = frame.fields[1];
  trace.sender = frame.fields[2];
  if (!is_clean(concat(trace.helo, trace.protocol, trace.sender)) ||
      std::max({trace.helo.size(), trace.protocol.size(), trace.sender.size()}) > kMaxTraceValue)
    broken("an unclean envelope");
  trace.client_ip = ends_.client_ip;
  trace.host = gate_.host();
  trace.session_id = log_.session();

  std::vector<std::optional<Reply>> replies(recipients_.size());
  for (size_t i = 0; i < recipients_.size(); ++i) {
    if (!replies[i] && recipients_[i].host) deliver_elsewhere(trace, i, replies);
    if (!replies[i]) replies[i] = deliver_here(trace, i, replies);
    send(*replies[i]);
  }
  recipients_.clear();
  spool_.reset();
  state_ = Idle;
}

Reply Monitor::deliver_here(const Trace& trace, size_t at,
                            const std::vector<std::optional<Reply>>& replies) {
  // A mailbox named twice gets one copy, and its answer twice.
  for (size_t before = 0; before < at; ++before)
    if (!recipients_[before].host &&
        recipients_[before].account.drop_file == recipients_[at].account.drop_file)
      return *replies[before];
  DeliveryPlan plan;
  plan.spool = spool_.get();
  plan.lmtp = service_ == Service::Lmtp;
  plan.tls = tls_;
  plan.mail_ids = gate_.mail_ids();
  plan.recipient = &recipients_[at];
  plan.trace = trace;
  plan.trace.recipient = recipients_[at].address;
  return deliver(settings_, log_, plan);
}

// All recipients of that host from `first` on, in one connection to it.
void Monitor::deliver_elsewhere(const Trace& trace, size_t first,
                                std::vector<std::optional<Reply>>& replies) {
  RemoteDelivery delivery;
  delivery.trace = trace;
  delivery.spool = spool_.get();
  std::vector<size_t> whose(recipients_.size());  // place in the delivery
  for (size_t i = first; i < recipients_.size(); ++i) {
    if (recipients_[i].host != recipients_[first].host) continue;
    auto& all = delivery.recipients;
    const auto same = std::find_if(all.begin(), all.end(), [&](const Recipient* r) {
      return r->target == recipients_[i].target;
    });
    whose[i] = static_cast<size_t>(same - all.begin());
    if (same == all.end()) all.push_back(&recipients_[i]);
  }
  const std::vector<Reply> given = deliver_remote(settings_, log_, ends_, delivery);
  for (size_t i = first; i < recipients_.size(); ++i)
    if (recipients_[i].host == recipients_[first].host) replies[i] = given[whose[i]];
}

// ---- logins

void Monitor::check_login_place() {
  if (service_ == Service::Lmtp) broken("a login over LMTP");
}

void Monitor::follow_gate() {
  state_ = gate_.exchange_open() ? Exchanging : Idle;
  relay_.reset();
}

void Monitor::on_authenticate(Frame& frame) {
  check_login_place();
  gate_.on_authenticate(frame);
  follow_gate();
}

void Monitor::on_sasl_start(Frame& frame) {
  check_login_place();
  gate_.on_sasl_start(frame);
  follow_gate();
}

void Monitor::on_sasl_step(Frame& frame) {
  gate_.on_sasl_step(frame);
  follow_gate();
}

void Monitor::on_sasl_cancel(Frame&) {
  gate_.on_sasl_cancel();
  follow_gate();
}

void Monitor::on_tls_facts(Frame& frame) {
  gate_.on_tls_facts(frame);
  tls_files_.handshake_over();
}

}  // namespace dmail::dsmtpd

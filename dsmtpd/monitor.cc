#include "dsmtpd/monitor.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "dsmtpd/limits.h"
#include "io/child.h"
#include "io/connection_over.h"
#include "privsep/drop.h"
#include "privsep/jail.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"
#include "privsep/program.h"
#include "privsep/request_table.h"
#include "privsep/termination.h"

namespace dmail::dsmtpd {
namespace {

using privsep::Frame;
using Why = ConnectionOver::Why;

constexpr uint64_t kPlainSpace = 48u << 20;  // address space of the session, bytes
constexpr uint64_t kTlsSpace = 128u << 20;
constexpr int kSendMs = 30 * 1000;
constexpr int kLastAnswerMs = 1000;
constexpr int kEndMs = 30 * 1000;  // for a child that has closed its socket to leave

using M = Monitor;
constexpr privsep::Request<M> kRequests[] = {
    {kAddRecipient, "add-recipient", M::Idle | M::HasRecipients, 2, &M::on_add_recipient},
    {kForget, "forget", M::kAny, 0, &M::on_forget},
    {kOpenSpool, "open-spool", M::HasRecipients, 1, &M::on_open_spool},
    {kDeliver, "deliver", M::HasSpool, 4, &M::on_deliver},
    {kMessageRefused, "message-refused", M::HasSpool, 5, &M::on_message_refused},
    {kEnded, "ended", M::kAny | M::Exchanging, 5, &M::on_ended},
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
    log_end(over.why() == Why::ProtocolBroken ? "error"
            : over.why() == Why::Timeout      ? "idle"
                                              : "lost",
            over.what());
    return;
  }
  const bool died = !end_session(false);
  if (privsep::terminated())
    log_end("terminated");
  else if (!end_)
    log_end(died ? "error" : "lost");
  else
    log_end(end_->reason, end_->text);
}

void Monitor::log_end(std::string_view reason, std::string_view text) {
  const SessionEnd none, &end = end_ ? *end_ : none;
  log_.info("session-end",
            {{"user", gate_.login() != nullptr ? std::string_view(gate_.login()->user) : ""},
             {"ip", ends_.client_ip},
             {"reason", reason},
             {"text", text},
             {"seconds", (monotonic_ms() - began_) / 1000},
             {"in", end.octets_in},
             {"out", end.octets_out},
             {"commands", end.commands},
             {"stored", stored_},
             {"refused", refused_}});
}

// ---- the session

void Monitor::start_session(bool greet) {
  auto made = privsep::Channel::make();
  if (!made) broken(made.error().log);
  channel_ = std::move(made->first);
  privsep::end_on_sigterm(channel_);

  StartFacts start;
  start.session.service = service_;
  start.session.host = gate_.host();
  start.session.client_ip = ends_.client_ip;
  start.session.tls = tls_;
  start.session.trusted_peer = privsep::is_trusted_proxy(settings_, ends_.peer_ip);
  start.session.offer_tls = !tls_ && privsep::tls_configured(settings_) && tls_files_.usable();
  if (service_ != Service::Lmtp) start.session.mechanisms = gate_.mechanisms();
  start.stamp = gate_.stamp();
  start.tls_by_name = !settings_.tls_certificate_for.empty();
  start.greet = greet;
  start.settings = settings_;
  channel_.send(frame_of(start), Deadline::in_ms(kSendMs));

  privsep::JailPlan plan;
  const std::string name = tls_ ? "dsmtpd-session-tls" : "dsmtpd-session";
  plan.program = privsep::sibling(settings_.libexec_path, name);
  plan.arguments = {privsep::process_title(name, settings_, "", ends_.client_ip)};
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
bool Monitor::end_session(bool now) {
  channel_.close();
  if (session_ < 0) return true;
  if (now) ::kill(session_, SIGKILL);
  // After SIGTERM it gets the time to pass on an answer that it has.
  const int patience = privsep::terminated() ? kLastAnswerMs : kEndMs;
  const int status = reap(session_, Deadline::in_ms(patience));
  session_ = -1;
  if (now || privsep::terminated()) return true;
  // An administrator's, or the host's that goes down: both get one, in any order.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) {
    end_ = SessionEnd{"terminated", "", 0, 0, 0};
    return true;
  }
  if (WIFSIGNALED(status))
    log_.error("session-died", {{"ip", ends_.client_ip}, {"signal", WTERMSIG(status)}});
  else if (WEXITSTATUS(status) != 0)
    log_.error("session-failed", {{"ip", ends_.client_ip}, {"status", WEXITSTATUS(status)}});
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
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
    log_.error(privsep::kTlsUnusable, {{"ip", ends_.client_ip},
                                       {"certificate", settings_.tls_certificate},
                                       {"key", settings_.tls_key},
                                       {"text", over.what()}});
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
  privsep::log_note(log_, frame, ends_.client_ip, tls_files_);
}

void Monitor::on_ended(Frame& frame) {
  const std::string &reason = frame.fields[0], &text = frame.fields[1];
  const auto in = parse_u64(frame.fields[2]), out = parse_u64(frame.fields[3]),
             commands = parse_u64(frame.fields[4]);
  constexpr size_t kMaxReason = 20;
  const bool word = !reason.empty() && reason.size() <= kMaxReason &&
                    std::all_of(reason.begin(), reason.end(), [](char c) { return is_lower(c); });
  if (end_ || !word || text.size() > kMaxNote || !in || !out || !commands)
    broken("an odd end of the session");
  end_ = SessionEnd{reason, text, *in, *out, *commands};
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

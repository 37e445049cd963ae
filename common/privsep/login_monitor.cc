#include "privsep/login_monitor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/child.h"
#include "io/connection_over.h"
#include "privsep/drop.h"
#include "privsep/jail.h"
#include "privsep/login_protocol.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"
#include "privsep/request_table.h"
#include "privsep/session_facts.h"
#include "privsep/session_start.h"
#include "privsep/user_files.h"
#include "privsep/xclient.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr uint64_t kPlainSpace = 32u << 20;  // address space of the login programs, bytes
constexpr uint64_t kTlsSpace = 128u << 20;
constexpr int kSendMs = 30 * 1000;
constexpr int kEndMs = 30 * 1000;  // for a child that has closed its socket to leave

using M = LoginMonitor;
constexpr Request<M> kRequests[] = {
    {kAuthenticate, "authenticate", M::BeforeLogin, kAuthenticateFields, &M::on_authenticate},
    {kSaslStart, "sasl-start", M::BeforeLogin, kSaslStartFields, &M::on_sasl_start},
    {kSaslStep, "sasl-step", M::Exchanging, 1, &M::on_sasl_step},
    {kSaslCancel, "sasl-cancel", M::Exchanging, 0, &M::on_sasl_cancel},
    {kTlsFacts, "tls-facts", M::BeforeLogin, kTlsFactsFields, &M::on_tls_facts},
    {kCertificateFor, "certificate-for", M::BeforeLogin, 1, &M::on_certificate_for},
    {kStartTls, "start-tls", M::BeforeLogin, 0, &M::on_start_tls},
    {kHandOver, "hand-over", M::LoggedIn, 3, &M::on_hand_over},
    {kForwarded, "forwarded", M::BeforeLogin, kForwardedFields, &M::on_forwarded},
    {kNote, "note", M::kAny, 2, &M::on_note},
};

}  // namespace

void LoginMonitor::run() {
  start_login(true);
  try {
    serve(*this, kRequests, channel_, deadline_);
  } catch (const ConnectionOver& over) {
    if (over.why() == Why::ProtocolBroken)
      log_.error("privsep-violation", {{"ip", ends_.client_ip}, {"text", over.what()}});
    else if (over.why() == Why::Timeout)
      log_.info("login-timeout", {{"ip", ends_.client_ip}});
    else
      log_.debug("closed", {{"ip", ends_.client_ip}});
    end_login(true);
    return;
  }
  end_login(false);
  log_.debug("closed", {{"ip", ends_.client_ip}});
}

// ---- the login program

void LoginMonitor::start_login(bool greet) {
  auto made = Channel::make();
  if (!made) throw ConnectionOver(Why::ProtocolBroken, made.error().log);
  channel_ = std::move(made->first);

  LoginStart start;
  start.service = account::service_name(daemon_.service);
  start.host = gate_.host();
  start.tls = tls_;
  start.greet = greet;
  start.tls_offered = !tls_ && tls_configured(settings_) && tls_files_.usable();
  start.plaintext_ok = gate_.may_send_password();
  start.stamp = gate_.stamp();
  start.mechanisms = gate_.mechanisms();
  start.trusted_peer = is_trusted_proxy(settings_, ends_.peer_ip);
  start.referrals = settings_.remote_accounts == "referral";
  start.seconds = std::min(deadline_.left_ms() / 1000, kLoginSeconds);
  start.tls_minimum = settings_.tls_minimum;
  start.tls_ciphers = settings_.tls_ciphers;
  start.tls_by_name = !settings_.tls_certificate_for.empty();
  channel_.send(frame_of(start), Deadline::in_ms(kSendMs));

  JailPlan plan;
  const std::string name = concat(daemon_.name, tls_ ? "-login-tls" : "-login");
  plan.program = sibling(settings_.libexec_path, name);
  plan.arguments = {process_title(name, settings_, "", ends_.client_ip)};
  plan.descriptors = {{0, 0}, {1, 1}, {2, 2}, {made->second.get(), kMonitorFd}};
  plan.root_directory = settings_.jail_path;
  plan.address_space = tls_ ? kTlsSpace : kPlainSpace;
  if (tls_)
    if (Status added = tls_files_.add_to(plan); !added)
      throw ConnectionOver(Why::ProtocolBroken, added.error().log);
  if (is_root()) {
    auto ids = ids_of(settings_.login_user);
    if (!ids) throw ConnectionOver(Why::ProtocolBroken, ids.error().log);
    plan.ids = *ids;
  }
  auto child = start_jailed(plan);
  if (!child) throw ConnectionOver(Why::ProtocolBroken, child.error().log);
  login_ = *child;
  tls_files_.started();
}

// The login program is told to end (`now`), or has closed its socket.  Its end is worth a line when
// it was not its own decision.
void LoginMonitor::end_login(bool now) {
  channel_.close();
  if (login_ < 0) return;
  if (now) ::kill(login_, SIGKILL);
  const int status = reap(login_, Deadline::in_ms(kEndMs));
  login_ = -1;
  if (now) return;
  // SIGTERM is an administrator's, or the host's that goes down.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) return;
  if (WIFSIGNALED(status))
    log_.error("login-program-died", {{"ip", ends_.client_ip}, {"signal", WTERMSIG(status)}});
  else if (WEXITSTATUS(status) != 0)
    log_.error("login-program-failed", {{"ip", ends_.client_ip}, {"status", WEXITSTATUS(status)}});
}

void LoginMonitor::on_start_tls(Frame&) {
  if (tls_ || !tls_configured(settings_))
    throw ConnectionOver(Why::ProtocolBroken, "TLS is not on offer");
  end_login(true);
  tls_ = true;
  gate_.set_tls(tls_files_);
  // What was said in the clear is forgotten.
  forwarded_ = passed_on_ = false;
  ends_.client_ip = ends_.peer_ip;
  ends_.client_port = ends_.peer_port;
  gate_.client_known();
  try {
    start_login(false);
  } catch (const ConnectionOver& over) {
    // Our own fault (a certificate that is not there), not the login program's.
    log_.error(kTlsUnusable, {{"ip", ends_.client_ip},
                              {"certificate", settings_.tls_certificate},
                              {"key", settings_.tls_key},
                              {"text", over.what()}});
    throw ConnectionOver(Why::PeerClosed, over.what());
  }
}

void LoginMonitor::on_certificate_for(Frame& frame) {
  tls_files_.on_certificate_for(frame, channel_);
}

void LoginMonitor::on_note(Frame& frame) {
  if (++notes_ > 2 * kMaxNotes || !is_note(frame, kMaxNote))
    throw ConnectionOver(Why::ProtocolBroken, "too many notes, or no note");
  log_note(log_, frame, ends_.client_ip, tls_files_);
}

// ---- logging in

void LoginMonitor::follow_gate() {
  state_ = gate_.login() != nullptr ? LoggedIn : gate_.exchange_open() ? Exchanging : BeforeLogin;
}

void LoginMonitor::on_authenticate(Frame& frame) {
  gate_.on_authenticate(frame);
  follow_gate();
}

void LoginMonitor::on_sasl_start(Frame& frame) {
  gate_.on_sasl_start(frame);
  follow_gate();
}

void LoginMonitor::on_sasl_step(Frame& frame) {
  gate_.on_sasl_step(frame);
  follow_gate();
}

void LoginMonitor::on_sasl_cancel(Frame&) {
  gate_.on_sasl_cancel();
  follow_gate();
}

void LoginMonitor::on_tls_facts(Frame& frame) {
  gate_.on_tls_facts(frame);
  tls_files_.handshake_over();
}

// ---- handing over

void LoginMonitor::on_hand_over(Frame& frame) {
  if (handed_to_remote(frame)) return;
  const account::Account& account = *gate_.login()->account;
  auto fail = [&](const char* what, const Error& error) {
    log_.error("session-failed", {{"user", account.user},
                                  {"ip", ends_.client_ip},
                                  {"step", what},
                                  {"text", error.log.empty() ? error.client : error.log}});
    gate_.take_back_login();
    follow_gate();
  };
  const bool become_user = settings_.imapd_become_user || daemon_.service != account::Service::Imap;
  auto ids = ids_for_account(account, become_user, settings_);
  if (!ids) return fail("ids", ids.error());
  MailPlace place{account.base, &account, *ids, gate_.mail_ids()};
  if (Status done = prepare_mail(place); !done) return fail("files", done.error());

  SessionStart start;
  start.service = account::service_name(daemon_.service);
  start.user = account.user;
  start.drop_file = account.drop_file;
  start.folders = account.folders;
  start.quota_bytes = account.quota_bytes;
  start.session_id = log_.session();
  start.client_ip = ends_.client_ip;
  start.tls = tls_;
  start.tag = frame.fields[0];
  start.command = frame.fields[1];
  start.pending = frame.fields[2];
  start.settings = settings_;
  auto text = text_descriptor(serialise(start));
  if (!text) return fail("start", text.error());

  ProgramPlan plan;
  const std::string name = concat(daemon_.name, "-session");
  plan.program = sibling(settings_.libexec_path, name);
  plan.arguments = {process_title(name, settings_, account.user, ends_.client_ip)};
  plan.ids = *ids;
  plan.descriptors = {{0, 0}, {1, 1}, {2, 2}, {text->get(), kStartFd}};
  if (log_.fd() >= 0) plan.descriptors.emplace_back(log_.fd(), kLogFd);
  gate_.places().add_to(plan.descriptors);
  if (gate_.login()->facts.valid())
    plan.descriptors.emplace_back(gate_.login()->facts.get(), kFactsFd);
  if (::access(plan.program.c_str(), X_OK) != 0)
    return fail("program", system_error(concat("exec ", plan.program), errno));

  Frame go(kGo);
  OwnedFd inner;
  if (tls_) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return fail("socket", system_error("socketpair", errno));
    inner.reset(ends[0]);
    go.fd.reset(ends[1]);
    plan.descriptors[0] = {inner.get(), 0};
    plan.descriptors[1] = {inner.get(), 1};
  }
  // From here on the login program cannot tell the client of a failure any more.
  if (tls_)
    channel_.send(go, Deadline::in_ms(kSendMs));
  else
    end_login(true);
  go.fd.reset();
  become_session(plan);
}

void LoginMonitor::become_session(const ProgramPlan& plan) {
  // The relay, and whatever helper still ends, are reaped by the system.
  ::signal(SIGCHLD, SIG_IGN);
  while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
  const Error error = run_as(plan);
  log_.error("session-failed",
             {{"user", gate_.login()->user}, {"step", "exec"}, {"text", error.log}});
  ::_exit(1);
}

}  // namespace dmail::privsep

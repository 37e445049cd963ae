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
#include "privsep/session_start.h"
#include "privsep/user_files.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr uint64_t kPlainSpace = 32u << 20;  // address space of the login programs, bytes
constexpr uint64_t kTlsSpace = 128u << 20;
constexpr int kSendMs = 30 * 1000;
constexpr int kEndMs = 30 * 1000;  // for a child that has closed its socket to leave

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

constexpr Request<LoginMonitor> kRequests[] = {
    {kAuthenticate, "authenticate", LoginMonitor::BeforeLogin, kAuthenticateFields,
     &LoginMonitor::on_authenticate},
    {kStartTls, "start-tls", LoginMonitor::BeforeLogin, 0, &LoginMonitor::on_start_tls},
    {kHandOver, "hand-over", LoginMonitor::LoggedIn, 3, &LoginMonitor::on_hand_over},
    {kNote, "note", LoginMonitor::BeforeLogin | LoginMonitor::LoggedIn, 2, &LoginMonitor::on_note},
};

}  // namespace

void LoginMonitor::refuse(const char* why) {
  channel_.send(Frame(kRefused, {why, tries_ >= kMaxTries ? "last" : ""}),
                Deadline::in_ms(kSendMs));
}

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
  start.host = greeting_host(settings_.host_domain.empty() ? "" : settings_.host_domain.front(),
                             settings_.dpop_host);
  start.tls = tls_;
  start.greet = greet;
  start.tls_offered = tls_configured(settings_) && !tls_;
  start.plaintext_ok = plaintext_ok(settings_, ends_.client_ip);
  start.seconds = std::min(deadline_.left_ms() / 1000, kLoginSeconds);
  start.tls_minimum = settings_.tls_minimum;
  start.tls_ciphers = settings_.tls_ciphers;
  channel_.send(frame_of(start), Deadline::in_ms(kSendMs));

  JailPlan plan;
  const std::string name = concat(daemon_.name, tls_ ? "-login-tls" : "-login");
  plan.program = sibling(settings_.libexec_path, name);
  plan.arguments = {name};
  plan.descriptors = {{0, 0}, {1, 1}, {2, 2}, {made->second.get(), kMonitorFd}};
  plan.root_directory = settings_.jail_path;
  plan.address_space = tls_ ? kTlsSpace : kPlainSpace;
  PemFiles pem;
  if (tls_) {
    auto files = add_pem_files(settings_, plan);
    if (!files) throw ConnectionOver(Why::ProtocolBroken, files.error().log);
    pem = std::move(*files);
  }
  if (is_root()) {
    auto ids = ids_of(settings_.login_user);
    if (!ids) throw ConnectionOver(Why::ProtocolBroken, ids.error().log);
    plan.ids = *ids;
  }
  auto child = start_jailed(plan);
  if (!child) throw ConnectionOver(Why::ProtocolBroken, child.error().log);
  login_ = *child;
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
  try {
    start_login(false);
  } catch (const ConnectionOver& over) {
    // Our own fault (a certificate that is not there), not the login program's.
    log_.error("tls-failed", {{"ip", ends_.client_ip}, {"text", over.what()}});
    throw ConnectionOver(Why::PeerClosed, over.what());
  }
}

void LoginMonitor::on_note(Frame& frame) {
  if (++notes_ > 2 * kMaxNotes || !is_note(frame, kMaxNote))
    throw ConnectionOver(Why::ProtocolBroken, "too many notes, or no note");
  log_.info(frame.fields[0], {{"ip", ends_.client_ip}, {"text", frame.fields[1]}});
}

// ---- logging in

Ids LoginMonitor::mail_ids() {
  if (!is_root()) return {};
  auto ids = ids_of(settings_.mail_user);
  return ids ? *ids : Ids{};
}

void LoginMonitor::failed(std::string_view user, const char* why, std::string_view text) {
  log_.info("login-failed", {{"user", user},
                             {"ip", ends_.client_ip},
                             {"service", account::service_name(daemon_.service)},
                             {"reason", why},
                             {"text", text}});
}

void LoginMonitor::on_authenticate(Frame& frame) {
  if (!tls_ && !plaintext_ok(settings_, ends_.client_ip))
    throw ConnectionOver(Why::ProtocolBroken, "a password without TLS");
  if (tries_ >= kMaxTries) throw ConnectionOver(Why::ProtocolBroken, "one login too many");
  const int64_t began = monotonic_ms();
  log_in(frame.fields[0], frame.fields[1]);
  wipe(frame.fields[1]);
  if (state_ == LoggedIn) {
    channel_.send(Frame(kAccepted), Deadline::in_ms(kSendMs));
    return;
  }
  ++tries_;
  wait_after_refusal(began, settings_.login_delay, channel_.fd());
  refuse(answer_);
}

void LoginMonitor::log_in(std::string_view user, std::string_view password) {
  auto wrong = [&](const char* why, std::string_view text) {
    failed(user, why, text);
    answer_ = "wrong";
  };
  account::Login login{user, ends_.client_ip, ends_.local_ip, daemon_.service};
  auto name = account::login_name(login, settings_);
  if (!authenticator_)
    authenticator_ = make_authenticator(settings_, daemon_.service, ends_.client_ip, mail_ids());
  std::string secret(password);
  if (settings_.lowercase_password)
    for (char& c : secret) c = to_lower(c);
  const auth::Answer answer = check_password(*authenticator_, name, secret);
  wipe(secret);
  if (answer.kind == auth::Answer::Kind::No) return wrong(name ? "password" : "name", answer.text);
  if (answer.kind != auth::Answer::Kind::Ok) {
    failed(user, "temporary", answer.text);
    answer_ = "temporary";
    return;
  }
  auto account = account::account_of(*name, answer.facts, settings_);
  if (!account) {
    failed(user, "account", account.error().log);
    answer_ = "temporary";
    return;
  }
  base_ = answer.facts.drop_file.empty()
              ? parent_of(account->directories.empty() ? account->drop_file
                                                       : account->directories.front())
              : name->drop_path;
  account_ = std::move(*account);
  state_ = LoggedIn;
}

// ---- handing over

void LoginMonitor::on_hand_over(Frame& frame) {
  auto fail = [&](const char* what, const Error& error) {
    log_.error("session-failed", {{"user", account_->user},
                                  {"ip", ends_.client_ip},
                                  {"step", what},
                                  {"text", error.log.empty() ? error.client : error.log}});
    account_.reset();
    state_ = BeforeLogin;
    ++tries_;
    refuse("temporary");
  };
  const bool become_user = settings_.imapd_become_user || daemon_.service != account::Service::Imap;
  auto ids = ids_for_account(*account_, become_user, settings_.mail_user);
  if (!ids) return fail("ids", ids.error());
  MailPlace place{base_, &*account_, *ids, mail_ids()};
  if (Status done = prepare_mail(place); !done) return fail("files", done.error());

  SessionStart start;
  start.service = account::service_name(daemon_.service);
  start.user = account_->user;
  start.drop_file = account_->drop_file;
  start.folders = account_->folders;
  start.quota_bytes = account_->quota_bytes;
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
  plan.arguments = {name};
  plan.ids = *ids;
  plan.descriptors = {{0, 0}, {1, 1}, {2, 2}, {text->get(), kStartFd}};
  if (log_.fd() >= 0) plan.descriptors.emplace_back(log_.fd(), kLogFd);
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
  log_.info("login", {{"user", account_->user},
                      {"ip", ends_.client_ip},
                      {"service", start.service},
                      {"method", start.command},
                      {"tls", tls_},
                      {"uid", ids->uid}});
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
  log_.error("session-failed", {{"user", account_->user}, {"step", "exec"}, {"text", error.log}});
  ::_exit(1);
}

}  // namespace dmail::privsep

// LoginMonitor for accounts on other hosts, and for clients that come through one.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "privsep/login_monitor.h"
#include "privsep/remote_monitor.h"
#include "privsep/xclient.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr int kSendMs = 30 * 1000;

Error loop(const RemoteHost& host) {
  return Error{ErrorKind::TryLater, "",
               concat("remote-loop: passed on to us, and the account is on ", host.name)};
}

}  // namespace

void LoginMonitor::on_forwarded(Frame& frame) {
  if (forwarded_) throw ConnectionOver(Why::ProtocolBroken, "another client a second time");
  forwarded_ = true;
  take_forwarded(frame, settings_, log_, ends_, passed_on_);
  gate_.client_known();
  channel_.send(Frame(kForwarded), Deadline::in_ms(kSendMs));
}

bool LoginMonitor::handed_to_remote(Frame& frame) {
  const auto protocol =
      daemon_.service == account::Service::Pop ? RemoteProtocol::Pop : RemoteProtocol::Imap;
  auto host = remote_host_of(gate_.login()->answer, protocol, settings_);
  if (host && !*host) return false;
  Status done = host ? Status() : Status(host.error());
  if (host && settings_.remote_accounts == "referral") {
    refer(**host);
  } else if (host) {
    done = passed_on_ ? Status(loop(**host)) : proxy(**host, frame);
  }
  if (!done)
    log_.error(
        "remote-failed",
        {{"user", gate_.login()->user}, {"ip", ends_.client_ip}, {"text", done.error().log}});
  gate_.take_back_login();
  follow_gate();
  return true;
}

void LoginMonitor::refer(const RemoteHost& host) {
  const std::string& user = host.user.empty() ? gate_.login()->user : host.user;
  const bool imap = daemon_.service == account::Service::Imap;
  log_.info("referral", {{"user", gate_.login()->user}, {"host", host.name}});
  channel_.send(Frame(kReferral, {imap ? referral_url(host, user) : host.name}),
                Deadline::in_ms(kSendMs));
}

// Returns only when it comes to nothing, and the login program can say so.
Status LoginMonitor::proxy(const RemoteHost& host, Frame& frame) {
  const Gate::Login& login = *gate_.login();
  const bool own = settings_.remote_user.empty();
  if (own && login.password.empty())
    return Error{ErrorKind::Unsupported, "",
                 concat(login.method, " leaves no password for ", host.name, "; set remote_user")};
  auto backend = connect_to(host, Deadline::in_seconds(settings_.remote_timeout));
  if (!backend) return std::move(backend.error());

  Frame go(kGo);
  OwnedFd inner;
  if (tls_) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return system_error("socketpair", errno);
    inner.reset(ends[0]);
    go.fd.reset(ends[1]);
  }
  RemoteProgram program;
  DMAIL_TRY(
      program.start(settings_, host.tls, tls_ ? inner.get() : 0, tls_ ? inner.get() : 1, *backend));
  const auto protocol =
      daemon_.service == account::Service::Pop ? RemoteProtocol::Pop : RemoteProtocol::Imap;
  RemoteJob job = remote_job_for(settings_, host, protocol, ends_, log_.session());
  job.user = host.user.empty() ? login.user : host.user;
  job.master = settings_.remote_user;
  job.password = own ? login.password : settings_.remote_password;
  job.tag = frame.fields[0];
  job.command = frame.fields[1];
  job.pending = frame.fields[2];

  // From here on the login program cannot tell the client of a failure any more.
  const std::string user = login.user;
  if (tls_) {
    channel_.send(go, Deadline::in_ms(kSendMs));
    go.fd.reset();
    inner.reset();
    channel_.close();
    login_ = -1;  // the relay ends by itself
  } else {
    end_login(true);
  }
  backend->reset();
  program.tell(job);
  wipe(job.password);
  gate_.forget_password();
  wipe(settings_.remote_password);
  attend_remote(program, settings_, log_, user, host.name);
}

}  // namespace dmail::privsep

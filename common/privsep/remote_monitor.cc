#include "privsep/remote_monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "io/child.h"
#include "io/connection_over.h"
#include "privsep/drop.h"
#include "privsep/ids.h"
#include "privsep/jail.h"
#include "privsep/monitor_options.h"
#include "privsep/monitor_parts.h"
#include "privsep/program.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr uint64_t kPlainSpace = 32u << 20;  // address space, bytes
constexpr uint64_t kTlsSpace = 128u << 20;
constexpr int kSendMs = 30 * 1000;
constexpr int64_t kIdleMargin = 60;  // seconds over the idle time of our own sessions
constexpr int64_t kLongWait = 20 * 24 * 3600;

bool is_expected(const Frame& frame) {
  switch (frame.type) {
    case kRemoteNote:
      return frame.fields.size() == 2 && is_note(frame, kMaxRemoteNote);
    case kRemoteEstablished:
      return frame.fields.size() == 1 && frame.fields[0].size() <= 20;
    case kRemoteAnswer:
      return frame.fields.size() == 3;
    default:
      return false;
  }
}

}  // namespace

RemoteProgram::~RemoteProgram() {
  if (pid_ < 0) return;
  channel_.close();
  ::kill(pid_, SIGKILL);
  (void)reap(pid_, Deadline::in_seconds(1));
}

Status RemoteProgram::start(const conf::Settings& settings, RemoteTls tls, int input, int output,
                            const OwnedFd& backend) {
  auto made = Channel::make();
  if (!made) return std::move(made.error());
  channel_ = std::move(made->first);
  JailPlan plan;
  const std::string name = tls == RemoteTls::None ? "dmail-proxy" : "dmail-proxy-tls";
  plan.program = sibling(settings.libexec_path, name);
  plan.arguments = {name};
  plan.descriptors = {{input, 0},
                      {output, 1},
                      {2, 2},
                      {made->second.get(), kMonitorFd},
                      {backend.get(), kBackendFd}};
  plan.root_directory = settings.jail_path;
  plan.address_space = tls == RemoteTls::None ? kPlainSpace : kTlsSpace;
  plan.local_time = true;
  OwnedFd authorities;
  if (tls != RemoteTls::None) {
    authorities.reset(::open(settings.remote_ca.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!authorities.valid())
      return system_error(concat("open remote_ca ", settings.remote_ca), errno);
    plan.descriptors.emplace_back(authorities.get(), kCaFd);
  }
  if (is_root()) {
    auto ids = ids_of(settings.login_user);
    if (!ids) return std::move(ids.error());
    plan.ids = *ids;
  }
  auto child = start_jailed(plan);
  if (!child) return std::move(child.error());
  pid_ = *child;
  return {};
}

void RemoteProgram::tell(const RemoteJob& job, const std::vector<std::string>& recipients) {
  channel_.send(frame_of(job), Deadline::in_ms(kSendMs));
  for (const std::string& recipient : recipients)
    channel_.send(Frame(kRemoteRecipient, {recipient}), Deadline::in_ms(kSendMs));
}

std::optional<Frame> RemoteProgram::next(log::Log& log, const std::string& host,
                                         Deadline deadline) {
  for (;;) {
    auto frame = channel_.receive(deadline);
    if (!frame) return std::nullopt;
    if (!is_expected(*frame) || frame->fd.valid())
      throw ConnectionOver(Why::ProtocolBroken, "an odd frame of dmail-proxy");
    if (frame->type != kRemoteNote) return frame;
    if (++notes_ > kMaxRemoteNotes)
      throw ConnectionOver(Why::ProtocolBroken, "too many notes of dmail-proxy");
    log.error(frame->fields[0], {{"host", host}, {"text", frame->fields[1]}});
  }
}

void RemoteProgram::wait(Deadline deadline) {
  channel_.close();
  if (pid_ >= 0) (void)reap(pid_, deadline);
  pid_ = -1;
}

RemoteJob remote_job_for(const conf::Settings& settings, const RemoteHost& host,
                         RemoteProtocol protocol, const Endpoints& ends,
                         const std::string& session_id) {
  RemoteJob job;
  job.protocol = protocol;
  job.host = host.name;
  job.tls = host.tls;
  job.tls_minimum = settings.tls_minimum;
  job.tls_ciphers = settings.tls_ciphers;
  job.timeout_s = settings.remote_timeout;
  job.idle_s = kIdleMargin +
               (protocol == RemoteProtocol::Pop ? settings.dpop_timeout : settings.imapd_timeout);
  job.our_name = greeting_host(settings.host_domain.empty() ? "" : settings.host_domain.front(),
                               settings.dpop_host);
  job.client_ip = ends.client_ip;
  if (ends.client_port != 0) job.client_port = concat(ends.client_port);
  job.local_ip = ends.local_ip;
  if (ends.local_port != 0) job.local_port = concat(ends.local_port);
  job.session_id = session_id;
  return job;
}

void attend_remote(RemoteProgram& program, const conf::Settings& settings, log::Log& log,
                   const std::string& user, const std::string& host) {
  if (is_root()) {
    auto ids = ids_of(settings.login_user);
    const Status dropped = ids ? become(*ids) : Status(ids.error());
    if (!dropped) {
      log.error("remote-failed", {{"user", user}, {"text", dropped.error().log}});
      ::_exit(1);
    }
  }
  // The connection is the program's alone: its end must be seen by the client.
  ::close(0);
  ::close(1);
  try {
    while (auto frame = program.next(log, host, Deadline::in_seconds(kLongWait)))
      if (frame->type == kRemoteEstablished)
        log.info("remote", {{"user", user}, {"host", host}, {"tls", frame->fields[0]}});
  } catch (const ConnectionOver& over) {
    log.error("remote-failed", {{"user", user}, {"host", host}, {"text", over.what()}});
    ::_exit(1);
  }
  program.wait(Deadline::in_seconds(30));
  log.debug("remote-closed", {{"user", user}, {"host", host}});
  ::_exit(0);
}

}  // namespace dmail::privsep

// dmail-proxy and dmail-proxy-tls: the client's part towards another server of the site, in the
// jail.  Started by a root monitor that has already connected (privsep/remote_job.h names the
// descriptors): logs in there and carries the session, or hands a message over by LMTP.  Holds no
// key and no certificate of ours, and may reach nothing but its two connections.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/stream.h"
#include "io/tls_client.h"
#include "mail/received.h"
#include "privsep/jail.h"
#include "privsep/remote_job.h"
#include "tools/proxy/backend.h"
#include "tools/proxy/imap_login.h"
#include "tools/proxy/lmtp_send.h"
#include "tools/proxy/pop_login.h"
#include "tools/proxy/relay.h"

namespace dmail::proxy {
namespace {

using privsep::Frame;
using privsep::RemoteJob;
using privsep::RemoteProtocol;
using privsep::RemoteTls;

constexpr int kMonitorSeconds = 30;
constexpr int kClientSeconds = 60;  // for a client that does not read

Result<std::string> read_ca() {
  const OwnedFd fd(privsep::kCaFd);
  std::string out;
  char window[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read remote_ca", errno);
    if (n == 0) return out;
    out.append(window, static_cast<size_t>(n));
    if (out.size() > kMaxCaFile) return Error{ErrorKind::Limit, "", "remote_ca is too long"};
  }
}

class Proxy {
 public:
  Proxy()
      : channel_(OwnedFd(privsep::kMonitorFd)), plain_(privsep::kBackendFd, privsep::kBackendFd) {}

  // False: no job.
  bool take_job() {
    auto frame = channel_.receive(Deadline::in_seconds(kMonitorSeconds));
    if (!frame) return false;
    auto job = privsep::remote_job_of(*frame);
    if (!job) return false;
    job_ = std::move(*job);
    for (uint64_t i = 0; i < job_.recipients; ++i) {
      frame = channel_.receive(Deadline::in_seconds(kMonitorSeconds));
      if (!frame || frame->type != privsep::kRemoteRecipient || frame->fields.size() != 1)
        return false;
      recipients_.push_back(std::move(frame->fields[0]));
    }
    return true;
  }

  void run() {
    if (job_.protocol == RemoteProtocol::Lmtp) return deliver();
    Backend backend(plain_, deadline(), [this] { return secure(); });
    auto said = log_in(backend);
    wipe(job_.password);
    if (!said) {
      note(said.error().kind == ErrorKind::NoPermission ? "remote-refused" : "remote-failed",
           said.error().log);
      return apologise();
    }
    channel_.send(Frame(privsep::kRemoteEstablished, {tls_ ? tls_->version() : ""}),
                  Deadline::in_seconds(kMonitorSeconds));
    carry(backend, *said);
  }

 private:
  [[nodiscard]] Deadline deadline() const { return Deadline::in_seconds(job_.timeout_s); }

  Result<Stream*> secure() {
    auto ca = read_ca();
    if (!ca) return std::move(ca.error());
    TlsClientConfig config;
    config.ca_pem = std::move(*ca);
    config.name = job_.host;
    config.minimum = job_.tls_minimum;
    config.ciphers = job_.tls_ciphers;
    auto made = tls_connect(privsep::kBackendFd, config, deadline());
    if (!made) return std::move(made.error());
    tls_ = std::move(*made);
    return static_cast<Stream*>(tls_.get());
  }

  Result<std::string> log_in(Backend& backend) try {
    if (job_.tls == RemoteTls::Implicit) DMAIL_TRY(backend.start_tls());
    return job_.protocol == RemoteProtocol::Imap ? imap_login(backend, job_)
                                                 : pop_login(backend, job_);
  } catch (const ConnectionOver& over) {
    return Error{ErrorKind::TryLater, "", over.what()};
  }

  // The client has waited; it may try again with a connection of its own.
  void apologise() {
    FdStream client(0, 1);
    const bool imap = job_.protocol == RemoteProtocol::Imap;
    client.write(imap ? concat(job_.tag, " NO [UNAVAILABLE] ", job_.command,
                               " failed; try again later\r\n* BYE Try again later\r\n")
                      : std::string("-ERR [SYS/TEMP] Try again later\r\n"),
                 Deadline::in_seconds(kClientSeconds));
  }

  void carry(Backend& backend, const std::string& said) {
    FdStream client(0, 1);
    const std::string first = concat(said, backend.reader().buffered());
    backend.reader().discard_buffered();
    backend.reader().release_memory();
    client.write(first, Deadline::in_seconds(kClientSeconds));
    backend.set_deadline(Deadline::in_seconds(kClientSeconds));
    backend.say(job_.pending);
    const int64_t idle_ms = job_.idle_s * 1000;
    job_ = RemoteJob();
    SocketEnd client_end(0);
    SocketEnd plain_end(privsep::kBackendFd);
    std::unique_ptr<TlsEnd> tls_end = tls_ ? std::make_unique<TlsEnd>(*tls_) : nullptr;
    End& server = tls_end ? static_cast<End&>(*tls_end) : plain_end;
    try {
      relay(client_end, server, {idle_ms});
    } catch (const ConnectionOver& over) {
      if (over.why() == ConnectionOver::Why::Timeout) note("remote-idle", over.what());
    }
  }

  void deliver() {
    Backend backend(plain_, deadline(), [this] { return secure(); });
    LmtpMessage message;
    message.size = job_.size;
    const int64_t now = wall_seconds();
    message.trace =
        mail::received_line({job_.helo, job_.client_ip, job_.our_name, job_.with, job_.session_id},
                            now, local_zone_minutes(now));
    message.read = [](std::span<char> into) -> Result<size_t> {
      for (;;) {
        const ssize_t n = ::read(0, into.data(), into.size());
        if (n >= 0) return static_cast<size_t>(n);
        if (errno != EINTR) return system_error("read the message", errno);
      }
    };
    const std::string why =
        lmtp_send(backend, job_, recipients_, message, [this](const LmtpReply& reply) {
          channel_.send(
              Frame(privsep::kRemoteAnswer, {concat(reply.code), reply.enhanced, reply.text}),
              Deadline::in_seconds(kMonitorSeconds));
        });
    if (!why.empty()) note("remote-failed", why);
  }

  void note(std::string_view event, std::string_view text) {
    channel_.send(Frame(privsep::kRemoteNote,
                        {std::string(event), std::string(text.substr(0, privsep::kMaxRemoteNote))}),
                  Deadline::in_seconds(kMonitorSeconds));
  }

  privsep::Channel channel_;
  FdStream plain_;
  std::unique_ptr<TlsStream> tls_;
  RemoteJob job_;
  std::vector<std::string> recipients_;
};

}  // namespace
}  // namespace dmail::proxy

int main() {
  using namespace dmail;
  if (!privsep::started_by_monitor()) return 2;
  if (!privsep::enter_jail()) return 1;
  try {
    proxy::Proxy proxy;
    if (!proxy.take_job()) return 1;
    proxy.run();
  } catch (const ConnectionOver&) {
    return 0;  // the client or the monitor is gone
  }
  return 0;
}

// dmsasl, dmsasl-external: see dmsasl(8).
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/text.h"
#include "io/connection_over.h"
#include "privsep/login_protocol.h"
#include "tools/dmsasl/identity.h"
#include "tools/dmsasl/mechanisms.h"
#include "tools/dmsasl/sandbox.h"
#include "tools/dmsasl/serve.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

constexpr int kOk = 0, kFault = 1, kUsage = 64;

int complain(std::string_view text) {
  const std::string line = concat("dmsasl: ", text, '\n');
  (void)!::write(2, line.data(), line.size());
  return kFault;
}

int list() {
  for (const Mechanism& m : mechanisms()) std::printf("%s\n", m.name);
  return std::fflush(stdout) == 0 ? kOk : kFault;
}

// The frame that waits, left where it is: the other program will read it again.
Result<privsep::Frame> peek() {
  std::string packet(privsep::kMaxFrame, '\0');
  ssize_t n = 0;
  do n = ::recv(privsep::kMonitorFd, packet.data(), packet.size(), MSG_PEEK | MSG_TRUNC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return system_error("receive from the monitor", errno);
  if (n == 0) return Error{ErrorKind::NotFound, "", "the monitor is gone"};
  packet.resize(std::min(packet.size(), static_cast<size_t>(n)));
  return privsep::decode_frame(packet);
}

// Replaces this process; returns when that fails.
void start_external() {
  char self[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self - 16);
  char* const slash =
      n > 0 ? static_cast<char*>(::memrchr(self, '/', static_cast<size_t>(n))) : nullptr;
  if (slash == nullptr) return;
  std::strcpy(slash + 1, "dmsasl-external");
  char name[] = "dmsasl-external";
  char* const words[] = {name, nullptr};
  ::execv(self, words);
}

std::string pem_of(int fd) {
  if (::fcntl(fd, F_GETFD) < 0) return {};
  Result<std::string> text = privsep::read_pem(fd);
  return text ? std::move(*text) : std::string();
}

// What has to be at hand before the sandbox closes.  An Error: the mechanism is unavailable.
Status prepare(const Mechanism& mechanism, CertificateFiles& files) {
  if (mechanism.needs_openssl) {
    files.client_ca = pem_of(privsep::kClientCaFd);
    files.ours = pem_of(privsep::kServerCertificateFd);
    ::tzset();  // gmtime(3), too, looks for the zone's file once
  }
  if (!mechanism.needs_files) return {};
  DMAIL_TRY(place_keytab(privsep::kKeytabFd));
  return place_replay_cache(privsep::kReplayFd);
}

int run() {
  Result<privsep::Frame> first = peek();
  if (!first) return first.error().kind == ErrorKind::NotFound ? kOk : complain(first.error().log);
  Result<privsep::SaslBegin> begin = privsep::sasl_begin_of(*first);
  if (!begin) return complain(begin.error().log);
  const Mechanism* mechanism = mechanism_of(begin->mechanism);
  if (mechanism != nullptr && mechanism->needs_openssl && !knows_certificates()) start_external();

  CertificateFiles files;
  Status ready;
  if (mechanism != nullptr) ready = prepare(*mechanism, files);
  if (mechanism == nullptr) ready = Error{ErrorKind::Unsupported, "", "no such mechanism"};
  for (int fd : {privsep::kClientCaFd, privsep::kServerCertificateFd, privsep::kKeytabFd})
    ::close(fd);
  const bool needs_files = ready && mechanism->needs_files;
  if (Status closed = close_sandbox(needs_files); !closed) return complain(closed.error().log);

  const Deadline deadline = Deadline::in_seconds(privsep::kExchangeSeconds);
  privsep::Channel channel{OwnedFd(privsep::kMonitorFd)};
  if (!channel.receive(deadline)) return kOk;  // Begin, already known
  Context context;
  context.begin = &*begin;
  context.ask = [&](const std::string& user) { return ask_monitor(channel, user, deadline); };
  context.certificate = [&] { return certificate_identity(*begin, files); };
  const std::unique_ptr<Exchange> exchange = ready ? mechanism->make(context) : nullptr;
  serve(channel, exchange.get(), ready ? "" : ready.error().log, deadline);
  return kOk;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "-list") == 0) return list();
  if (argc > 1) {
    std::fputs(
        "usage: dmsasl         started by a monitor, on descriptor 5; see dmsasl(8)\n"
        "       dmsasl -list   names the mechanisms\n",
        stderr);
    return kUsage;
  }
  if (Status given = give_up_rights(); !given) return complain(given.error().log);
  try {
    return run();
  } catch (const ConnectionOver& over) {
    return complain(over.what());
  }
}

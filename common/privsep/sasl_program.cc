#include "privsep/sasl_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/text.h"
#include "io/child.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "privsep/drop.h"
#include "privsep/program.h"
#include "privsep/sasl_protocol.h"

namespace dmail::privsep {
namespace {

constexpr int kSendMs = 10 * 1000;
constexpr int kAnswerMs = 30 * 1000;  // its own work for one message
constexpr int kReapMs = 1000;

Error failed(std::string why) {
  return Error{ErrorKind::TryLater, "Try again later", std::move(why)};
}

// The administrator's files that a mechanism needs, opened with the monitor's rights.
Status add_file(const std::string& path, int number, ProgramPlan& plan,
                std::vector<OwnedFd>& open_files) {
  if (path.empty()) return {};
  open_files.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!open_files.back().valid()) return system_error(concat("open ", path), errno);
  plan.descriptors.emplace_back(open_files.back().get(), number);
  return {};
}

// Where dmsasl keeps Kerberos' replay cache: in /var/tmp, the library's own place, any user of the
// host could make the file first, and nobody would log in.
Result<OwnedFd> replay_directory(const std::string& work_path, Ids ids) {
  const std::string path = concat(work_path, "/krb5");
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error(concat("mkdir ", path), errno);
  auto directory = open_directory(path);
  if (!directory) return directory;
  auto st = stat_fd(directory->get());
  if (!st) return std::move(st.error());
  // Still root's, also where one of us was killed before this; or auth_user is another than it was.
  if (is_root() && st->st_uid != ids.uid && ::fchown(directory->get(), ids.uid, ids.gid) != 0)
    return system_error(concat("chown ", path), errno);
  if ((st->st_mode & 077) != 0)
    return Error{ErrorKind::NoPermission, "", concat(path, " is open to others: chmod 700 ", path)};
  return directory;
}

Status add_files(const conf::Settings& settings, std::string_view mechanism, const TlsFiles* tls,
                 ProgramPlan& plan, std::vector<OwnedFd>& open_files) {
  if (mechanism == "EXTERNAL" && tls != nullptr) {
    DMAIL_TRY(add_file(settings.tls_client_ca, kClientCaFd, plan, open_files));
    auto certificate = tls->shown_certificate();
    if (!certificate) return std::move(certificate.error());
    plan.descriptors.emplace_back(certificate->get(), kServerCertificateFd);
    open_files.push_back(std::move(*certificate));
  }
  if (mechanism == "GSSAPI") {
    DMAIL_TRY(add_file(settings.kerberos_keytab, kKeytabFd, plan, open_files));
    auto directory = replay_directory(settings.work_path, plan.ids);
    if (!directory) return std::move(directory.error());
    plan.descriptors.emplace_back(directory->get(), kReplayFd);
    open_files.push_back(std::move(*directory));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SaslProgram>> SaslProgram::start(const conf::Settings& settings,
                                                        std::string_view mechanism,
                                                        const TlsFiles* tls) {
  auto made = Channel::make();
  if (!made) return std::move(made.error());
  ProgramPlan plan;
  plan.program = sibling(settings.libexec_path, "dmsasl");
  plan.arguments = {"dmsasl"};
  plan.descriptors = {{made->second.get(), kMonitorFd}};
  plan.seconds = kExchangeSeconds;
  plan.confined = true;
  const OwnedFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return system_error("open /dev/null", errno);
  for (int fd = 0; fd < 3; ++fd) plan.descriptors.emplace_back(null.get(), fd);
  plan.ids = {::getuid(), ::getgid()};
  if (is_root()) {
    auto ids = ids_of(settings.auth_user);
    if (!ids) return std::move(ids.error());
    plan.ids = *ids;
  }
  std::vector<OwnedFd> open_files;
  DMAIL_TRY(add_files(settings, mechanism, tls, plan, open_files));
  auto pid = start_as(plan);
  if (!pid) return std::move(pid.error());
  return std::unique_ptr<SaslProgram>(new SaslProgram(std::move(made->first), *pid));
}

SaslProgram::~SaslProgram() {
  channel_.close();
  ::kill(pid_, SIGKILL);
  (void)reap(pid_, Deadline::in_ms(kReapMs));
}

Status SaslProgram::send(const Frame& frame) {
  try {
    channel_.send(frame, Deadline::in_ms(kSendMs));
  } catch (const ConnectionOver& over) {
    return failed(concat("dmsasl: ", over.what()));
  }
  return {};
}

Result<Frame> SaslProgram::receive() {
  try {
    auto frame = channel_.receive(Deadline::in_ms(kAnswerMs));
    if (!frame) return failed("dmsasl ended without an answer");
    if (frame->fd.valid()) return failed("dmsasl: a descriptor");
    return std::move(*frame);
  } catch (const ConnectionOver& over) {
    return failed(concat("dmsasl: ", over.what()));
  }
}

}  // namespace dmail::privsep

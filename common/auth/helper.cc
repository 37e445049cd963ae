#include "auth/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "auth/authenticator.h"
#include "auth/spawn.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/stream.h"

namespace dmail::auth {
namespace {

Error not_now(std::string why) {
  return Error{ErrorKind::TryLater, "Try again later", std::move(why)};
}

// True once `pid` is reaped (or was never ours).
bool reaped_within(pid_t pid, int ms) {
  const Deadline deadline = Deadline::in_ms(ms);
  for (;;) {
    const pid_t r = ::waitpid(pid, nullptr, WNOHANG);
    if (r == pid || (r < 0 && errno != EINTR)) return true;
    if (deadline.passed()) return false;
    const timespec nap{0, 300'000};
    ::nanosleep(&nap, nullptr);
  }
}

}  // namespace

Result<std::unique_ptr<Helper>> Helper::start(const HelperCommand& command) {
  if (command.words.empty() || !command.words[0].starts_with('/'))
    return not_now("authentication program is not an absolute path");
  // A socket as its input, because send(2) can be told not to raise SIGPIPE.
  int in[2], out[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0)
    return system_error("socketpair", errno);
  OwnedFd ours(in[0]), its_input(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) return system_error("pipe", errno);
  OwnedFd from(out[0]), its_output(out[1]);
  Result<pid_t> pid = spawn(command, its_input.get(), its_output.get());
  if (!pid) return not_now(pid.error().log);
  std::unique_ptr<Helper> helper(new Helper);
  helper->to_ = std::move(ours);
  helper->from_ = std::move(from);
  helper->child_ = *pid;
  return helper;
}

Result<std::unique_ptr<Helper>> Helper::connect(const std::string& path, uid_t module_uid,
                                                Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path.starts_with('/') || path.size() >= sizeof address.sun_path)
    return not_now("authentication socket is no absolute path, or is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("socket", errno);
  // A full backlog makes connect(2) wait, for as long as this says.
  const int left = deadline.left_ms();
  const timeval wait{left / 1000, (left % 1000) * 1000 + 1};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    if (errno != EINTR) return not_now(system_error("connect " + path, errno).log);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return system_error("SO_PEERCRED", errno);
  const uid_t own = module_uid != 0 ? module_uid : ::geteuid();
  if (peer.uid != 0 && peer.uid != ::geteuid() && peer.uid != own)
    return not_now(concat(path, " belongs to a process of uid ", peer.uid,
                          ": not trusted, a module that stays has to be uid ", own,
                          "'s (start it again as that, see Upgrading in dmail-admin(7))"));
  std::unique_ptr<Helper> helper(new Helper);
  helper->from_.reset(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!helper->from_.valid()) return system_error("dup", errno);
  helper->to_ = std::move(fd);
  return helper;
}

Helper::~Helper() {
  wipe(buffer_);  // a reply may have held keys
  to_.reset();
  from_.reset();
  if (child_ < 0 || reaped_within(child_, patience_ms_)) return;
  ::kill(child_, SIGTERM);
  if (reaped_within(child_, patience_ms_ == 0 ? 50 : 1000)) return;
  ::kill(child_, SIGKILL);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status Helper::send(std::string_view line, Deadline deadline) {
  while (!line.empty()) {
    const ssize_t n = ::send(to_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      line.remove_prefix(static_cast<size_t>(n));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return not_now(system_error("module is gone: send", errno).log);
    pollfd p{to_.get(), POLLOUT, 0};
    if (deadline.passed()) return not_now("module does not read");
    (void)::poll(&p, 1, deadline.left_ms());
  }
  return {};
}

Result<std::string> Helper::read_line(Deadline deadline) {
  size_t searched = 0;
  for (;;) {
    const size_t end = buffer_.find('\n', searched);
    if (end <= kMaxReplyLine) {  // npos is more
      std::string line = buffer_.substr(0, end);
      std::fill_n(buffer_.begin(), end, '\0');
      buffer_.erase(0, end + 1);
      return line;
    }
    if (buffer_.size() > kMaxReplyLine)
      return Error{ErrorKind::Limit, "Try again later", "module's reply line is too long"};
    searched = buffer_.size();
    if (!wait_readable(from_.get(), deadline)) return not_now("module did not answer in time");
    char chunk[4096];
    const ssize_t n = ::read(from_.get(), chunk, sizeof chunk);
    if (n == 0) return Error{ErrorKind::Io, "Try again later", "module ended without an answer"};
    if (n < 0 && errno != EINTR) return system_error("read from module", errno);
    if (n > 0) buffer_.append(chunk, static_cast<size_t>(n));
    ::explicit_bzero(chunk, sizeof chunk);
  }
}

bool Helper::has_unread() const {
  int waiting = 0;
  return !buffer_.empty() || ::ioctl(from_.get(), FIONREAD, &waiting) != 0 || waiting > 0;
}

bool Helper::has_ended() const {
  pollfd p{from_.get(), POLLIN, 0};
  return ::poll(&p, 1, 0) != 0;
}

}  // namespace dmail::auth

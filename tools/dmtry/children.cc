#include "tools/dmtry/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/number.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"

namespace dmail::dmtry {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& argv) {
  std::vector<char*> p;
  for (const std::string& a : argv) p.push_back(const_cast<char*>(a.c_str()));
  p.push_back(nullptr);
  return p;
}

void default_signals() {
  for (int s : {SIGTERM, SIGINT, SIGPIPE, SIGCHLD, SIGHUP}) ::signal(s, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Processes whose parent is this one: children, and orphans that came to their reaper.
std::vector<pid_t> own_processes() {
  std::vector<pid_t> out;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return out;
  while (const dirent* e = ::readdir(proc)) {
    const auto pid = parse_u32(e->d_name, 0x7fffffff);
    if (!pid) continue;
    const int fd = ::open(concat("/proc/", *pid, "/stat").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char buf[512];
    const ssize_t n = ::read(fd, buf, sizeof buf);
    ::close(fd);
    if (n <= 0) continue;
    std::string_view text(buf, static_cast<size_t>(n));
    text.remove_prefix(std::min(text.size(), text.rfind(')') + 2));
    const auto words = split_words(text);
    if (words.size() > 1 && parse_u32(words[1]) == static_cast<uint32_t>(::getpid()))
      out.push_back(static_cast<pid_t>(*pid));
  }
  ::closedir(proc);
  return out;
}

void reap() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

Children::Children() {
#ifdef PR_SET_CHILD_SUBREAPER
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

Status Children::start(const std::vector<std::string>& argv, const std::string& log) {
  const auto arguments = pointers(argv);
  const OwnedFd opened(
      ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!opened.valid()) return system_error("open " + log, errno);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) {
    default_signals();
    const int null = ::open("/dev/null", O_RDONLY);
    if (null < 0) ::_exit(126);
    ::dup2(null, 0);
    ::dup2(opened.get(), 1);
    ::dup2(opened.get(), 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  children_.push_back({pid, argv[0]});
  return {};
}

Result<std::string> Children::run(const std::vector<std::string>& argv, const std::string& input) {
  int to[2], from[2];
  if (::pipe2(to, O_CLOEXEC) != 0) return system_error("pipe", errno);
  OwnedFd to_read(to[0]), to_write(to[1]);
  if (::pipe2(from, O_CLOEXEC) != 0) return system_error("pipe", errno);
  OwnedFd from_read(from[0]), from_write(from[1]);
  const auto arguments = pointers(argv);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid == 0) {
    default_signals();
    ::dup2(to_read.get(), 0);
    ::dup2(from_write.get(), 1);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  to_read.reset();
  from_write.reset();
  // Small inputs only: they fit into the pipe.
  if (::write(to_write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    return system_error("write to " + argv[0], errno);
  to_write.reset();
  std::string out;
  char buf[4096];
  ssize_t n;
  while ((n = ::read(from_read.get(), buf, sizeof buf)) > 0)
    out.append(buf, static_cast<size_t>(n));
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{ErrorKind::Io, argv[0] + " failed",
                 concat(argv[0], ": status ", status, ": ", out)};
  return out;
}

std::string Children::ended() {
  for (const Child& c : children_)
    if (::waitpid(c.pid, nullptr, WNOHANG) == c.pid) return c.name;
  return {};
}

void Children::stop_all() {
  for (size_t i = children_.size(); i-- > 0;) ::kill(children_[i].pid, SIGTERM);
  const Deadline patience = Deadline::in_ms(3000);
  for (int round = 0;; ++round) {
    reap();
    const auto left = own_processes();
    if (left.empty()) break;
    // Orphans have no one else to tell them.
    const int signal = patience.passed() ? SIGKILL : round == 0 ? 0 : SIGTERM;
    for (pid_t p : left)
      if (signal != 0) ::kill(p, signal);
    ::poll(nullptr, 0, 20);
    if (round > 500) break;
  }
  children_.clear();
}

}  // namespace dmail::dmtry

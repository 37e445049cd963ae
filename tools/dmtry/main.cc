// dmtry: a private instance of dmail on loopback, for demonstrations and tests.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include "tools/dmtry/instance.h"
#include "tools/dmtry/options.h"

namespace {

// Where the servers are: beside this program, as they are built, or where they are installed with
// it in PREFIX/sbin.
std::string programs_directory() {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return DMAIL_LIBEXEC;
  path[n] = '\0';
  const std::string text(path);
  const std::string own = text.substr(0, text.rfind('/'));
  const std::string installed = own.substr(0, own.rfind('/')) + "/lib/dmail";
  for (const std::string& directory : {own, installed})
    if (::access((directory + "/imapd").c_str(), X_OK) == 0) return directory;
  return DMAIL_LIBEXEC;
}

// Until a signal or the end of input asks to stop (0), or a part ended by itself (1).
int wait_for_the_end(dmail::dmtry::Instance& instance, int signals) {
  pollfd fds[2] = {{signals, POLLIN, 0}, {0, POLLIN, 0}};
  for (;;) {
    ::poll(fds, 2, 1000);
    if (fds[0].revents != 0) return 0;
    if (fds[1].revents != 0) {
      char buf[256];
      if (::read(0, buf, sizeof buf) <= 0) return 0;
    }
    if (const std::string name = instance.ended(); !name.empty()) {
      std::fprintf(stderr, "dmtry: %s ended by itself\n", name.c_str());
      return 1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t set;
  ::sigemptyset(&set);
  for (int s : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, s);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  dmail::dmtry::Instance instance(dmail::dmtry::parse_options(argc, argv), programs_directory());
  if (dmail::Status up = instance.up(); !up) {
    std::fprintf(stderr, "dmtry: %s%s%s\n", up.error().client.c_str(),
                 up.error().log.empty() ? "" : ": ", up.error().log.c_str());
    std::fputs(instance.log_ends().c_str(), stderr);
    instance.down();
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  const int status = wait_for_the_end(instance, signals);
  instance.down();
  return status;
}

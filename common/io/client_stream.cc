#include "io/client_stream.h"

#include <poll.h>
#include <signal.h>

#include <cerrno>
#include <cstring>

#include "io/connection_over.h"

namespace dmail {
namespace {

volatile sig_atomic_t g_terminate = 0;

void on_terminate(int) { g_terminate = 1; }

}  // namespace

void prepare_signals() {
  struct sigaction action {};
  action.sa_handler = on_terminate;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
}

Event wait_event(int client, int watch, Deadline deadline) {
  sigset_t open;
  ::sigprocmask(SIG_SETMASK, nullptr, &open);
  sigdelset(&open, SIGTERM);
  sigdelset(&open, SIGINT);
  for (;;) {
    pollfd fds[2] = {{client, POLLIN, 0}, {watch, POLLIN, 0}};
    const int left = deadline.left_ms();
    const timespec wait{left / 1000, (left % 1000) * 1000000L};
    const int n = ::ppoll(fds, 2, &wait, &open);
    if (g_terminate != 0) throw Terminated{};
    if (n == 0) return Event::Timeout;
    if (n > 0) return fds[0].revents != 0 ? Event::Input : Event::Watch;
    if (errno != EINTR)
      throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, std::strerror(errno));
  }
}

}  // namespace dmail

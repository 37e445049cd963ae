#include "privsep/termination.h"

#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

namespace dmail::privsep {
namespace {

volatile sig_atomic_t g_terminated = 0;
volatile sig_atomic_t g_channel = -1;

// Receiving ends behind what lies there already; answers can still be sent.
void on_terminate(int) {
  const int error = errno;
  g_terminated = 1;
  if (g_channel >= 0) ::shutdown(g_channel, SHUT_RD);
  errno = error;
}

}  // namespace

void end_on_sigterm(const Channel& channel) {
  g_channel = channel.fd();
  struct sigaction action {};
  action.sa_handler = on_terminate;
  ::sigaction(SIGTERM, &action, nullptr);
  // It may have come while there was no channel.
  if (g_terminated != 0) ::shutdown(g_channel, SHUT_RD);
}

bool terminated() { return g_terminated != 0; }

}  // namespace dmail::privsep

#include "io/last_words.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "io/clock.h"

namespace dmail {

void let_last_words_arrive(int in, int out) {
  if (::shutdown(out, SHUT_WR) != 0) return;
  const Deadline deadline = Deadline::in_ms(kLastWordsMs);
  std::array<char, 16384> bytes;
  for (ssize_t left = kLastWordsOctets; left > 0;) {
    pollfd p{in, POLLIN, 0};
    const int ready = ::poll(&p, 1, deadline.left_ms());
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return;
    const ssize_t n = ::recv(in, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (n > 0) left -= n;
  }
}

void let_last_words_arrive_if_unread(int in, int out) {
  pollfd p{in, POLLIN, 0};
  if (::poll(&p, 1, 0) > 0) let_last_words_arrive(in, out);
}

}  // namespace dmail

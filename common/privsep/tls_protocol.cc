#include "privsep/tls_protocol.h"

#include <string.h>
#include <unistd.h>

#include <cerrno>

#include "io/owned_fd.h"

namespace dmail::privsep {

Result<std::string> read_pem(int number) {
  const OwnedFd fd(number);
  std::string out;
  char window[4096];
  for (;;) {
    const ssize_t n = ::read(fd.get(), window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EBADF) return out;
    if (n < 0) return system_error("read certificate or key", errno);
    if (n > 0) out.append(window, static_cast<size_t>(n));
    ::explicit_bzero(window, sizeof window);
    if (n == 0) return out;
    if (out.size() > kMaxPem) return Error{ErrorKind::Limit, "", "PEM file too long"};
  }
}

}  // namespace dmail::privsep

#include "tools/dmtry/ports.h"

#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/text.h"

namespace dmail::dmtry {
namespace {

constexpr unsigned kFirst = 20000, kLast = 32767;
constexpr int kTries = 200;

}  // namespace

// A name without a file, which is free again when we end, however we end.
bool Ports::reserve(int port) {
  OwnedFd s(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string name = concat("dmail-port-", port);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), a.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(s.get(), reinterpret_cast<sockaddr*>(&a), size) != 0) return false;
  reserved_.push_back(std::move(s));
  return true;
}

bool Ports::hold(int port) {
  OwnedFd s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(static_cast<uint16_t>(port));
  // Two that only bind may have the same port; who listens has it alone.
  if (::bind(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || ::listen(s.get(), 1) != 0)
    return false;
  held_.push_back(std::move(s));
  return true;
}

Result<int> Ports::take(int wanted) {
  if (wanted != 0) {
    if (hold(wanted)) return wanted;
    return Error{ErrorKind::BadInput,
                 concat("port ", wanted, " of 127.0.0.1 cannot be had; give another, or 0 for any"),
                 {}};
  }
  for (int i = 0; i < kTries; ++i) {
    uint16_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != sizeof random) break;
    const int port = static_cast<int>(kFirst + random % (kLast - kFirst + 1));
    if (reserve(port) && hold(port)) return port;
  }
  return Error{ErrorKind::BadInput, "no port of 127.0.0.1 is free", {}};
}

}  // namespace dmail::dmtry

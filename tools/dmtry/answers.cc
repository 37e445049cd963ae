#include "tools/dmtry/answers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string_view>

#include "io/owned_fd.h"

namespace dmail::dmtry {
namespace {

bool greeting(std::string_view text) {
  return text.starts_with("* OK") || text.starts_with("+OK") || text.starts_with("220");
}

bool greets_in_tls(int fd) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return false;
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  char buf[512];
  bool good = false;
  if (SSL_connect(ssl) == 1) {
    const int n = SSL_read(ssl, buf, sizeof buf);
    good = n > 0 && greeting({buf, static_cast<size_t>(n)});
    SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  return good;
}

}  // namespace

bool answers(int port, bool tls) {
  const OwnedFd s(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(s.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(static_cast<uint16_t>(port));
  if (::connect(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) return false;
  if (tls) return greets_in_tls(s.get());
  char buf[512];
  const ssize_t n = ::recv(s.get(), buf, sizeof buf, 0);
  return n > 0 && greeting({buf, static_cast<size_t>(n)});
}

bool listens(const std::string& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) return false;
  std::memcpy(a.sun_path, path.data(), path.size());
  const OwnedFd s(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
}

}  // namespace dmail::dmtry

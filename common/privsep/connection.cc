#include "privsep/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "account/address_list.h"

namespace dmail::privsep {
namespace {

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void address_of(const sockaddr_storage& from, std::string& ip, uint16_t& port) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &from, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    port = ntohs(in.sin_port);
  } else if (from.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &from, sizeof in);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr))
      ::inet_ntop(AF_INET, &in.sin6_addr.s6_addr[12], text, sizeof text);
    else
      ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    port = ntohs(in.sin6_port);
  }
  ip = text;
}

}  // namespace

Status tidy_process() {
  struct stat input {
  }, output{}, errors{};
  if (::fstat(0, &input) != 0 || ::fstat(1, &output) != 0)
    return Error{ErrorKind::BadInput, "", "descriptors 0 and 1 must be the connection"};
  const bool have_errors = ::fstat(2, &errors) == 0;
  if (!have_errors || (S_ISSOCK(errors.st_mode) && same_file(errors, input))) {
    const int null = ::open("/dev/null", O_RDWR | O_NOCTTY);
    if (null < 0) return system_error("open /dev/null", errno);
    if (null != 2 && ::dup2(null, 2) < 0) return system_error("dup2", errno);
  }
  if (::syscall(SYS_close_range, 3, ~0U, 0) != 0) return system_error("close_range", errno);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return system_error("RLIMIT_CORE", errno);
  return {};
}

Result<Endpoints> endpoints_of(int fd) {
  Endpoints out;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return out;
  address_of(address, out.local_ip, out.local_port);
  if (out.local_ip.empty()) return out;
  address = {};
  size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return system_error("address of the client", errno);
  address_of(address, out.client_ip, out.client_port);
  out.peer_ip = out.client_ip;
  out.peer_port = out.client_port;
  return out;
}

bool submission_ok(const conf::Settings& settings, std::string_view client_ip) {
  return client_ip.empty() || account::addresses_name(settings.submission_from, client_ip);
}

bool plaintext_ok(const conf::Settings& settings, std::string_view client_ip) {
  return client_ip.empty() || account::addresses_name(settings.plaintext_login_from, client_ip);
}

}  // namespace dmail::privsep

#include "tools/ldapauth/server_link.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openldap.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::ldapauth {
namespace {

constexpr const char* kSystemCa = "/etc/ssl/certs/ca-certificates.crt";

volatile sig_atomic_t watched = -1;
void on_alarm(int) {
  if (watched >= 0) ::shutdown(watched, SHUT_RDWR);
}

Error not_now(const std::string& uri, std::string_view why) {
  return Error{ErrorKind::TryLater, "Try again later", concat(uri, ": ", why)};
}

// Zero, or an errno.
int connect_within(int fd, const sockaddr* address, socklen_t size, Deadline deadline) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd p{fd, POLLOUT, 0};
  int ready = 0;
  while ((ready = ::poll(&p, 1, deadline.left_ms())) < 0 && errno == EINTR) continue;
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

Result<OwnedFd> connect_unix(const std::string& uri, const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) return not_now(uri, "path too long");
  std::memcpy(address.sun_path, path, std::strlen(path) + 1);
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return not_now(uri, std::strerror(errno));
  return fd;
}

Result<OwnedFd> connect_tcp(const std::string& uri, const char* host, int port, int seconds) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host, concat(port).c_str(), &hints, &found);
  if (code != 0) return not_now(uri, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  const Deadline deadline = Deadline::in_seconds(seconds);
  int error = ETIMEDOUT;
  for (const addrinfo* a = found; a != nullptr && !deadline.passed(); a = a->ai_next) {
    OwnedFd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return not_now(uri, std::strerror(errno));
    error = connect_within(fd.get(), a->ai_addr, a->ai_addrlen, deadline);
    if (error != 0) continue;
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::fcntl(fd.get(), F_SETFL, 0) != 0) return not_now(uri, std::strerror(errno));
    return fd;
  }
  return not_now(uri, std::strerror(error));
}

Result<OwnedFd> connect_to(const std::string& uri, int seconds) {
  LDAPURLDesc* parsed = nullptr;
  if (::ldap_url_parse(uri.c_str(), &parsed) != LDAP_URL_SUCCESS)
    return not_now(uri, "no LDAP address");
  const std::unique_ptr<LDAPURLDesc, decltype(&::ldap_free_urldesc)> owner(parsed,
                                                                           ::ldap_free_urldesc);
  const char* host = parsed->lud_host != nullptr ? parsed->lud_host : "";
  if (uri.starts_with("ldapi:"))
    return connect_unix(uri, *host != '\0' ? host : "/run/slapd/ldapi");
  return connect_tcp(uri, *host != '\0' ? host : "localhost", parsed->lud_port, seconds);
}

bool set(LDAP* ld, int option, const void* value) {
  return ::ldap_set_option(ld, option, value) == LDAP_OPT_SUCCESS;
}

// Options of ours alone: no file and no variable of the environment was read (LDAPNOINIT).
bool set_options(LDAP* ld, const Config& config) {
  const int version = LDAP_VERSION3, none = 0;
  const timeval answer{config.search_timeout, 0};
  return set(ld, LDAP_OPT_PROTOCOL_VERSION, &version) && set(ld, LDAP_OPT_TIMEOUT, &answer) &&
         set(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) && set(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) &&
         set(ld, LDAP_OPT_DEREF, &none);
}

bool set_tls_options(LDAP* ld, const Config& config) {
  const int demand = LDAP_OPT_X_TLS_DEMAND, none = 0, tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
  const char* ca = config.tls_ca.empty() ? kSystemCa : config.tls_ca.c_str();
  return set(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) &&
         set(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12) && set(ld, LDAP_OPT_X_TLS_CACERTFILE, ca) &&
         set(ld, LDAP_OPT_X_TLS_NEWCTX, &none);
}

}  // namespace

Watchdog::Watchdog(int fd, int64_t ms) {
  watched = fd;
  struct sigaction action {};
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  // Again and again: a first shot could come just before a read on a socket made anew.
  const itimerval timer{{0, 200'000}, {ms / 1000, ms % 1000 * 1000 + 1}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

Watchdog::~Watchdog() {
  const itimerval off{};
  ::setitimer(ITIMER_REAL, &off, nullptr);
  watched = -1;
}

Link::~Link() {
  if (ld_ != nullptr) {
    const Watchdog watchdog(fd_, 1000);  // saying good-bye may block, too
    ::ldap_unbind_ext(ld_, nullptr, nullptr);
  } else if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<std::unique_ptr<Link>> Link::open(const Config& config, const std::string& uri) {
  Result<OwnedFd> fd = connect_to(uri, config.network_timeout);
  if (!fd) return std::move(fd.error());
  std::unique_ptr<Link> link(new Link);
  link->fd_ = fd->release();
  const int protocol = uri.starts_with("ldapi:") ? LDAP_PROTO_IPC : LDAP_PROTO_TCP;
  int code = ::ldap_init_fd(link->fd_, protocol, uri.c_str(), &link->ld_);
  if (code != LDAP_SUCCESS) return not_now(uri, ::ldap_err2string(code));
  if (!set_options(link->ld_, config)) return not_now(uri, "libldap refuses an option");
  const bool at_once = uri.starts_with("ldaps:");
  if (!at_once && !(config.starttls && uri.starts_with("ldap:"))) return link;
  if (!set_tls_options(link->ld_, config)) return not_now(uri, "TLS: the CA file cannot be used");
  const Watchdog watchdog(link->fd_, config.network_timeout * 1000);
  if (at_once)
    code = ::ldap_install_tls(link->ld_);
  else
    code = ::ldap_start_tls_s(link->ld_, nullptr, nullptr);
  if (code == LDAP_SUCCESS) return link;
  char* text = nullptr;
  ::ldap_get_option(link->ld_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  Error error =
      not_now(uri, concat("TLS: ", ::ldap_err2string(code), text ? ": " : "", text ? text : ""));
  ::ldap_memfree(text);
  return error;
}

}  // namespace dmail::ldapauth

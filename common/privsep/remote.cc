#include "privsep/remote.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "account/address_list.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/stream.h"

namespace dmail::privsep {
namespace {

Error bad_label(std::string_view label, std::string_view what) {
  return Error{ErrorKind::BadInput, "The account is not set up",
               concat("host label \"", escaped(label), "\": ", what)};
}

uint16_t default_port(RemoteProtocol protocol, RemoteTls tls) {
  const bool implicit = tls == RemoteTls::Implicit;
  switch (protocol) {
    case RemoteProtocol::Imap:
      return implicit ? 993 : 143;
    case RemoteProtocol::Pop:
      return implicit ? 995 : 110;
    case RemoteProtocol::Lmtp:
      break;
  }
  return 24;
}

std::optional<uint16_t> port_of(std::string_view text) {
  const auto port = parse_u32(text, 65535);
  if (!port || *port == 0) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxHostLabel &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

struct Label {
  std::string name;
  std::optional<uint16_t> port;
};

// NAME, NAME:PORT, 192.0.2.1, 192.0.2.1:143, 2001:db8::1, [2001:db8::1]:143
Result<Label> parse_label(std::string_view text) {
  Label label;
  if (text.empty() || text.size() > kMaxHostLabel) return bad_label(text, "empty or too long");
  std::string_view port;
  bool has_port = false;
  if (text.front() == '[') {
    const size_t end = text.find(']');
    if (end == text.npos) return bad_label(text, "no closing bracket");
    label.name = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return bad_label(text, "bytes after the bracket");
    if (has_port) port = rest.substr(1);
    if (!plain_address(label.name)) return bad_label(text, "no address in brackets");
  } else if (plain_address(text)) {
    label.name = text;
  } else {
    port = text;
    label.name = take_until(port, ':');
    has_port = label.name.size() < text.size();
  }
  label.name = lower(label.name);
  if (has_port && !(label.port = port_of(port))) return bad_label(text, "no port");
  if (!plain_address(label.name) && !is_host_name(label.name))
    return bad_label(text, "neither a host name nor an address");
  return label;
}

bool is_this_host(std::string_view name, const conf::Settings& settings) {
  auto same = [&](std::string_view own) { return !own.empty() && iequals(own, name); };
  if (same(settings.dpop_host)) return true;
  if (!settings.host_domain.empty() && same(settings.host_domain.front())) return true;
  return std::any_of(settings.remote_self.begin(), settings.remote_self.end(), same);
}

// What a remote_host line says of one protocol: "imap=993/tls".
void take_port(std::string_view word, RemoteProtocol protocol, RemoteHost& host,
               std::optional<uint16_t>& port) {
  const std::string_view name = take_until(word, '=');
  if (name != protocol_name(protocol)) return;
  const std::string_view number = take_until(word, '/');
  if (const auto tls = remote_tls_of(word)) host.tls = *tls;
  if (const auto given = port_of(number)) port = given;
}

// The first line for `host.name`; false when there is none.
bool take_line(const conf::Settings& settings, RemoteProtocol protocol, RemoteHost& host,
               std::optional<uint16_t>& port) {
  for (const std::string& line : settings.remote_host) {
    const auto words = split_words(line);
    if (words.size() < 2 || !iequals(words[0], host.name)) continue;
    host.address = words[1];
    for (size_t i = 2; i < words.size(); ++i) take_port(words[i], protocol, host, port);
    return true;
  }
  return false;
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<Address> address_of(const RemoteHost& host) {
  Address out;
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET, host.address.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    in.sin_port = htons(host.port);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  } else if (::inet_pton(AF_INET6, host.address.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(host.port);
    std::memcpy(&out.storage, &in6, sizeof in6);
    out.size = sizeof in6;
  } else {
    return bad_label(host.name, "its remote_host line has no address");
  }
  return out;
}

Error not_connected(const RemoteHost& host, int error) {
  return Error{ErrorKind::TryLater, "The server of this account cannot be reached now",
               concat("connect to ", host.name, " (", host.address, " port ", host.port,
                      "): ", error == 0 ? "no answer in time" : std::strerror(error))};
}

}  // namespace

std::string_view protocol_name(RemoteProtocol protocol) {
  switch (protocol) {
    case RemoteProtocol::Imap:
      return "imap";
    case RemoteProtocol::Pop:
      return "pop";
    case RemoteProtocol::Lmtp:
      break;
  }
  return "lmtp";
}

std::string_view tls_name(RemoteTls tls) {
  if (tls == RemoteTls::None) return "none";
  return tls == RemoteTls::Start ? "starttls" : "tls";
}

std::optional<RemoteTls> remote_tls_of(std::string_view name) {
  for (const RemoteTls tls : {RemoteTls::None, RemoteTls::Start, RemoteTls::Implicit})
    if (iequals(name, tls_name(tls))) return tls;
  return std::nullopt;
}

Result<std::optional<RemoteHost>> remote_host_of(const auth::Answer& answer,
                                                 RemoteProtocol protocol,
                                                 const conf::Settings& settings) {
  const std::string* text = answer.label("host");
  if (text == nullptr || text->empty() || settings.remote_accounts == "none")
    return std::optional<RemoteHost>();
  auto label = parse_label(*text);
  if (!label) return std::move(label.error());
  if (is_this_host(label->name, settings)) return std::optional<RemoteHost>();
  RemoteHost host;
  host.name = std::move(label->name);
  host.tls = remote_tls_of(settings.remote_tls).value_or(RemoteTls::Start);
  if (const std::string* user = answer.label("host_user"); user != nullptr) host.user = *user;
  std::optional<uint16_t> port;
  if (!take_line(settings, protocol, host, port)) {
    const auto address = plain_address(host.name);
    const bool referral =
        protocol == RemoteProtocol::Imap && settings.remote_accounts == "referral";
    if (!address && !referral)
      return Error{ErrorKind::NotFound, "The server of this account is not known",
                   concat("no remote_host line for \"", escaped(host.name), "\"")};
    if (address) host.address = *address;
  }
  // The label's port is the one of the protocol the module was asked for; a delivery asks a module
  // that does not know it.
  if (label->port && protocol != RemoteProtocol::Lmtp) port = label->port;
  host.port = port.value_or(default_port(protocol, host.tls));
  return std::optional<RemoteHost>(std::move(host));
}

Result<OwnedFd> connect_to(const RemoteHost& host, Deadline deadline) {
  auto address = address_of(host);
  if (!address) return std::move(address.error());
  OwnedFd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("socket", errno);
  const int on = 1;
  // A peer that vanished without a word is noticed by the kernel; nobody else would.
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const auto* to = reinterpret_cast<const sockaddr*>(&address->storage);
  if (::connect(fd.get(), to, address->size) == 0) return fd;
  if (errno != EINPROGRESS && errno != EINTR) return not_connected(host, errno);
  if (!wait_writable(fd.get(), deadline)) return not_connected(host, 0);
  int failure = 0;
  socklen_t size = sizeof failure;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
  if (failure != 0) return not_connected(host, failure);
  return fd;
}

std::string referral_url(const RemoteHost& host, std::string_view user) {
  std::string out = "imap://";
  // achar of RFC 5092, less `=` and `&`, which some clients take for their own.
  for (const char c : user) {
    if (is_alnum(c) || std::string_view("-._!$'*+,").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c), 2);
    }
  }
  out += ";AUTH=*@";
  const bool colons = host.name.find(':') != std::string::npos;
  out += colons ? concat('[', host.name, ']') : host.name;
  if (host.port != 143) append(out, concat(':', host.port));
  out += '/';
  return out;
}

bool is_trusted_proxy(const conf::Settings& settings, std::string_view peer_ip) {
  return !peer_ip.empty() && account::addresses_name(settings.trusted_proxies, peer_ip);
}

std::optional<std::string> plain_address(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string zero_ended(text);
  char out[INET6_ADDRSTRLEN] = "";
  in_addr in{};
  in6_addr in6{};
  if (::inet_pton(AF_INET, zero_ended.c_str(), &in) == 1) {
    ::inet_ntop(AF_INET, &in, out, sizeof out);
  } else if (::inet_pton(AF_INET6, zero_ended.c_str(), &in6) == 1) {
    if (IN6_IS_ADDR_V4MAPPED(&in6))
      ::inet_ntop(AF_INET, &in6.s6_addr[12], out, sizeof out);
    else
      ::inet_ntop(AF_INET6, &in6, out, sizeof out);
  } else {
    return std::nullopt;
  }
  return std::string(out);
}

bool is_session_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSessionId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || std::string_view("+/.:=_-").find(c) != std::string_view::npos;
         });
}

}  // namespace dmail::privsep

// Accounts that live on another host: the label host="NAME" or "NAME:PORT" of a module's answer.
//
// Root looks nothing up in the network: a name is a line `remote_host` of dmail.conf, or an address
// in digits.  Root connects, and a jailed program (tools/proxy) is given the descriptor.
//   remote_host NAME ADDRESS [imap=PORT[/TLS]] [pop=PORT[/TLS]] [lmtp=PORT[/TLS]]
//     TLS: none, starttls, tls; remote_tls where it is not said
// A name that means this host (remote_self, or the name in our greetings) is no remote host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/authenticator.h"
#include "base/result.h"
#include "conf/settings.h"
#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::privsep {

enum class RemoteProtocol { Imap, Pop, Lmtp };
std::string_view protocol_name(RemoteProtocol protocol);  // "imap", "pop", "lmtp"

enum class RemoteTls { None, Start, Implicit };
std::string_view tls_name(RemoteTls tls);  // "none", "starttls", "tls"
std::optional<RemoteTls> remote_tls_of(std::string_view name);

struct RemoteHost {
  std::string name;     // of the label: in referrals, and what a certificate must be for
  std::string address;  // in digits; empty: only a referral can be given
  uint16_t port = 0;
  RemoteTls tls = RemoteTls::Start;
  std::string user;  // label host_user: the account's name there; empty: as here
  bool operator==(const RemoteHost&) const = default;
};

inline constexpr size_t kMaxHostLabel = 255;

// nullopt: the account lives here (no label, remote_accounts none, or the label is this host's
// name).  Errors: BadInput for a label that is no host, NotFound for a name without a remote_host
// line (not where a referral is given: the client has its own way to find it).
Result<std::optional<RemoteHost>> remote_host_of(const auth::Answer& answer,
                                                 RemoteProtocol protocol,
                                                 const conf::Settings& settings);

// A TCP connection, not blocking, with keep-alive.  TryLater when there is none until the deadline.
Result<OwnedFd> connect_to(const RemoteHost& host, Deadline deadline);

// RFC 2221, RFC 5092: "imap://USER;AUTH=*@HOST/" or with :PORT where it is not 143.
std::string referral_url(const RemoteHost& host, std::string_view user);

// Whether a connection from `peer_ip` may say for whom it comes.  Nobody may while trusted_proxies
// is empty.
bool is_trusted_proxy(const conf::Settings& settings, std::string_view peer_ip);

// What a trusted proxy says of its client, before login.  Empty fields: not said.
struct Forwarded {
  std::string client_ip;
  std::string client_port;
  std::string session_id;
  bool operator==(const Forwarded&) const = default;
};
// An address in digits as this host writes it ("::ffff:192.0.2.1" as IPv4); nullopt when it is
// none.
std::optional<std::string> plain_address(std::string_view text);
inline constexpr size_t kMaxSessionId = 64;
// Letters, digits and `+/.:=_-`: what may stand in a log line as a session's name.
bool is_session_id(std::string_view text);

}  // namespace dmail::privsep

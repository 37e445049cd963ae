// For whom a connection comes, as its other end says: XCLIENT of POP3, SMTP and LMTP, and ID of
// IMAP with the names that Dovecot gave it (x-originating-ip, x-session-id, x-proxy-ttl).  Parsed
// in the jail.  The monitor takes the client's address from trusted_proxies only; that a connection
// has been passed on already, from everybody: it can only make us refuse to pass it on again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "conf/settings.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/remote.h"

namespace dmail::privsep {

struct XClient {
  Forwarded client;
  bool last_hop = false;  // TTL is 1 or less: nobody passes it on from here
  [[nodiscard]] bool says_client() const { return client != Forwarded(); }
  bool operator==(const XClient&) const = default;
};

inline constexpr size_t kMaxXClientAttributes = 30;

// "ADDR=192.0.2.1 PORT=4711 SESSION=abc TTL=1": at least one attribute; values in xtext; other
// names are passed over.  BadInput: no such list, or an ADDR that is no address.
Result<XClient> parse_xclient(std::string_view attributes);
// The pairs of ID.  A value that cannot be right is passed over: clients may say what they like.
XClient xclient_of_id(const std::vector<std::pair<std::string, std::string>>& pairs);

// The request by which the jailed process passes it to its monitor; no answer.
inline constexpr size_t kForwardedFields = 4;
Frame forwarded_frame(uint8_t type, const XClient& xclient);

// The monitor's side.  `ends.client_ip` becomes the client's, and the log says so.  Throws
// ConnectionOver (ProtocolBroken) for a client's address from who is not trusted, or no address.
void take_forwarded(const Frame& frame, const conf::Settings& settings, log::Log& log,
                    Endpoints& ends, bool& passed_on);

}  // namespace dmail::privsep

// The first steps of every root monitor: sound descriptors, who is connected, a name for the
// connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/settings.h"

namespace dmail::privsep {

// Descriptors 0 and 1 must be open (one of them closed: Error).  2 becomes /dev/null where it is
// closed or is the connection itself, as inetd leaves it, so that nothing meant for a person
// reaches the client.  3 and up are closed.  SIGPIPE is ignored, the umask is 077, core files are
// off.
Status tidy_process();

struct Endpoints {
  std::string client_ip;  // "192.0.2.1", "2001:db8::1"; an IPv4-mapped address as IPv4; empty when
  std::string local_ip;   // the descriptor is no internet socket (a pipe, a Unix socket)
  uint16_t client_port = 0;
  uint16_t local_port = 0;
  // Who is connected.  `client_ip` is the same until a trusted proxy has said for whom it comes;
  // whether a password may pass in the clear is asked of this one.
  std::string peer_ip;
  uint16_t peer_port = 0;
};
// An Error when `fd` is an internet socket whose peer is gone already (reset before we looked): it
// must not pass for a connection without an address, which is this host's own.
Result<Endpoints> endpoints_of(int fd);

// Whether plaintext_login_from lets this client send a password in the clear.  No address (a pipe,
// a Unix socket) is this host itself.
bool plaintext_ok(const conf::Settings& settings, std::string_view client_ip);
// Whether submission_from lets this client hand in mail without a login; no address likewise.
bool submission_ok(const conf::Settings& settings, std::string_view client_ip);

}  // namespace dmail::privsep

// The resident module: the line protocol on a Unix-domain socket, many clients at once.  One thread
// waits and answers what is quick; what needs crypt(3) or a write goes to a few workers, one
// question per client at a time, so that answers keep their order.  Clients are root, our own user
// and the mail user; others are hung up on.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "tools/nwauth/commands.h"

namespace dmail::nwauth {

inline constexpr size_t kMaxClients = 1000;
inline constexpr int kIdleSeconds = 600;  // a client that says nothing for so long is hung up on
inline constexpr size_t kMaxUnsent = 1 << 20;  // answers a client may leave unread

struct ServerOptions {
  std::string path;  // absolute; a socket left behind by a dead server is replaced
  mode_t mode = 0600;
  uid_t mail_uid = 0;  // may ask, too; 0: nobody
  unsigned workers = 2;
};

// Serves until SIGTERM or SIGINT.
Status serve(Commands& commands, const ServerOptions& options,
             const std::function<void(std::string_view)>& log);

}  // namespace dmail::nwauth

// A module's conversation: a child with a socket as its input and a pipe as its output, or a
// connection to a resident module.  Bytes only; what they mean is reply.h's.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::auth {

struct HelperCommand {
  std::vector<std::string> words;        // words[0]: absolute path of the program
  std::vector<std::string> environment;  // all of it, NAME=VALUE
  uid_t uid = 0;                         // run as this user; 0: as we are
  gid_t gid = 0;
};

class Helper {
 public:
  // Starts the child: no descriptor but 0, 1 and 2 (/dev/null, because ours may be the client),
  // default signals, ids given up for good.
  static Result<std::unique_ptr<Helper>> start(const HelperCommand& command);
  // Connects to the socket at `path`; who listens must be root, us, or `module_uid`.
  static Result<std::unique_ptr<Helper>> connect(const std::string& path, uid_t module_uid,
                                                 Deadline deadline);
  // Ends the child: end of input, a short while to leave, then SIGTERM, then SIGKILL; reaps it.
  ~Helper();
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  Status send(std::string_view line, Deadline deadline);
  // One line without LF.  Errors: TryLater (deadline: what has come so far is kept), Io (end of
  // input), Limit (line over kMaxReplyLine).
  Result<std::string> read_line(Deadline deadline);
  // Whether the module has said more than it was asked; whether it is also gone.
  [[nodiscard]] bool has_unread() const;
  [[nodiscard]] bool has_ended() const;
  void kill_soon() { patience_ms_ = 0; }  // it misbehaved: don't wait for it to leave

 private:
  Helper() = default;
  OwnedFd to_, from_;  // a connection is in both
  pid_t child_ = -1;
  int patience_ms_ = 200;
  std::string buffer_;
};

}  // namespace dmail::auth

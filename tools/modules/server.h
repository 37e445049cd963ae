// A resident module: the line protocol on a Unix-domain socket, many clients at once.  One thread
// waits and answers what is quick; the rest goes to a few workers, one question per client at a
// time, so that answers keep their order.  Clients are root and our own user, and of a server that
// is root the user whom the other modules have; others are hung up on.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::modules {

inline constexpr size_t kMaxLine = 8 * 1024;  // of a question
inline constexpr size_t kMaxClients = 1000;
inline constexpr int kIdleSeconds = 600;  // a client that says nothing for so long is hung up on
inline constexpr size_t kMaxUnsent = 1 << 20;  // answers a client may leave unread

// Who answers.  Lines come without LF (a CR before it is still there); answers are whole lines.
class Responder {
 public:
  virtual ~Responder() = default;
  // The answer when nothing has to be waited for.
  virtual std::optional<std::string> quick_answer(std::string_view line) = 0;
  // In a worker, `asked_ms` (monotonic_ms) being when the question came.  Empty: quit or exit.
  virtual std::string answer(std::string_view line, int64_t asked_ms) = 0;
  // The server is ending, and waits for what is being answered: be quick.
  virtual void ending() {}
};

struct ServerOptions {
  std::string path;  // absolute; a socket left behind by a dead server is replaced
  mode_t mode = 0600;
  uid_t module_uid = 0;  // may ask a server that is root; 0: nobody
  unsigned workers = 2;
};

// Octal digits of -mode, at most 0777.
bool parse_mode(std::string_view text, mode_t& mode);

// Serves until SIGTERM or SIGINT.
Status serve(Responder& responder, const ServerOptions& options,
             const std::function<void(std::string_view)>& log);

}  // namespace dmail::modules

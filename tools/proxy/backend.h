// The connection to another server, as the dialogues (imap_login.h, pop_login.h, lmtp_send.h) use
// it: bounded lines, one deadline, TLS when asked for.  What the server says is not trusted with
// more than its own account: every line has a limit, and so has their number.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/line_reader.h"
#include "io/stream.h"

namespace dmail::proxy {

inline constexpr size_t kMaxBackendLine = 8192;
inline constexpr int kMaxBackendLines = 200;  // to one command

class Backend {
 public:
  // `secure` does the handshake and returns the stream from then on (not owned here).
  using Secure = std::function<Result<Stream*>()>;
  Backend(Stream& stream, Deadline deadline, Secure secure)
      : reader_(stream), deadline_(deadline), secure_(std::move(secure)) {}

  // One line without its end.  TryLater at the end of input, Limit for a line too long.
  Result<std::string> line();
  void say(std::string_view bytes) { reader_.stream().write(bytes, deadline_); }
  // After the go-ahead: nothing may have been sent behind it.
  Status start_tls();
  // A new step, with its own time.
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  [[nodiscard]] Deadline deadline() const { return deadline_; }
  [[nodiscard]] bool secured() const { return secured_; }

  LineReader& reader() { return reader_; }

 private:
  LineReader reader_;
  Deadline deadline_;
  Secure secure_;
  bool secured_ = false;
};

// An Error for the log; `what` is ours, `line` the server's.
Error odd_answer(std::string_view what, std::string_view line);
// The server did not let us in: its words for the log.
Error refused_there(std::string_view what, std::string_view line);

// base64 of "authzid NUL name NUL password" (RFC 4616), for `master` with the user as authzid.
std::string plain_response(std::string_view user, std::string_view master,
                           std::string_view password);

}  // namespace dmail::proxy

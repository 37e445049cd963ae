// Handing a message to another host by LMTP (RFC 2033, 5321), for recipients whose mail is there.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "privsep/remote_job.h"
#include "tools/proxy/backend.h"

namespace dmail::proxy {

// For one recipient: what the other host said, or 4xx where it said nothing that counts.
struct LmtpReply {
  int code = 451;
  std::string enhanced;  // "2.1.5", or empty
  std::string text;      // printable, bounded
  bool operator==(const LmtpReply&) const = default;
};

struct LmtpMessage {
  uint64_t size = 0;
  std::string trace;  // header lines put before it
  // The next bytes of the message, which has CR LF lines; 0 at its end.
  std::function<Result<size_t>(std::span<char>)> read;
};

// Calls `answer` once for each of job.recipients, in order, whatever happens.  `why` is what went
// wrong with the connection, for the log; empty when nothing did.
std::string lmtp_send(Backend& backend, const privsep::RemoteJob& job,
                      const std::vector<std::string>& recipients, const LmtpMessage& message,
                      const std::function<void(const LmtpReply&)>& answer);

// Dot-stuffing (RFC 5321 section 4.5.2) over pieces of a message.  A CR or LF alone, which a
// message from a session in its right mind does not have, counts as the end of a line, too: no
// server, however lenient, finds the end of the message in the middle.
class DotStuffer {
 public:
  void add(std::string_view bytes, std::string& out);
  void end(std::string& out) const;  // CR LF where the message lacks it, and the dot

 private:
  bool line_start_ = true;
  bool ended_ = true;  // the last line is whole
  bool cr_ = false;
};

// What may stand between <>: printable ASCII without angle brackets, blanks in quotes only.
bool is_plain_path(std::string_view address);

}  // namespace dmail::proxy

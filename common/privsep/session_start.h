// What a session or delivery program is told when it starts: facts about the account and the
// connection, and the settings it may see.  The monitor writes it, as text, to descriptor kStartFd;
// by hand the same facts come as options (--user, --drop, --folders, ...).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/settings.h"

namespace dmail::privsep {

inline constexpr int kStartFd = 3;  // SessionStart, read to its end and closed
inline constexpr int kLogFd = 4;    // the open log file; absent (closed) when run by hand
inline constexpr size_t kMaxStart = 256 * 1024;

struct SessionStart {
  std::string service;       // "imap", "pop", "smtp", "lmtp"
  std::string user;          // account name, for texts and logs
  std::string drop_file;     // absolute path of the INBOX
  std::string folders;       // absolute path of the folder directory
  uint64_t quota_bytes = 0;  // 0: none
  std::string session_id;    // the same through all processes of a connection
  std::string client_ip;     // empty when run by hand
  bool tls = false;
  std::string tag;          // IMAP: tag of the command that logged in; its OK is ours to send
  std::string command;      // "LOGIN" or "AUTHENTICATE"
  std::string pending;      // bytes the client sent after it, already read (decrypted)
  conf::Settings settings;  // the rows visible to sessions
};

std::string serialise(const SessionStart& start);
Result<SessionStart> parse_session_start(std::string_view bytes);

// --help prints `usage`, --version the version; both exit.  Before a refusal to run as root.
void answer_help(int argc, char** argv, std::string_view usage);

// For a session's main(): from kStartFd when `argc` is 1 (the process becomes untraceable), else
// from the options
//   --user NAME --drop FILE [--folders DIR] [--quota BYTES] [--set "NAME VALUE"]... [--config FILE]
// (`usage` is the program's --help text, for answer_help).
// Settings default when no --config is given.  BadInput explains what is wrong, for stderr.
Result<SessionStart> session_start_of(int argc, char** argv, std::string_view usage);

}  // namespace dmail::privsep

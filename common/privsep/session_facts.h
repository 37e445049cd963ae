// Who a connection serves, for dmwho(8): a sealed piece of memory that the monitor makes at the
// login and that the session (or the monitor itself, where it stays) keeps open and never reads.
// It is gone with the last process of the connection, however that ended: nothing is left on the
// disk and nothing has to be tidied up.
//
// It cannot be forged: what matters is that the memory belongs to root and is sealed against
// writing.  A user's processes, and a session that was taken over, can make no such thing; all the
// latter can do is close its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::privsep {

inline constexpr int kFactsFd = 11;  // where a session program finds it
inline constexpr size_t kMaxFacts = 4096;
inline constexpr char kFactsName[] = "dmail-session";  // in /proc/PID/fd: /memfd:dmail-session

struct SessionFacts {
  std::string service;  // "imap", "pop", "smtp"
  std::string user;     // the account
  std::string client_ip;
  std::string session_id;  // sid= of the log
  int64_t since = 0;       // seconds since 1970
  bool tls = false;
};

Result<OwnedFd> seal_facts(const SessionFacts& facts);
// nullopt: no facts, of another version, or not made by `owner` and sealed.
std::optional<SessionFacts> sealed_facts(int fd, uint32_t owner);

std::string facts_text(const SessionFacts& facts);
std::optional<SessionFacts> parse_facts(std::string_view text);

}  // namespace dmail::privsep

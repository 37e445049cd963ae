// What the servers of this host remember about addresses: failed logins, which make the next ones
// slower for everybody at that address (IPv6: its /64), and logins, after which it may relay.  The
// records are in Berkeley DB tables below work_path/tally, kept by the program dmtally, which runs
// as the mail user and is started only when there is something to ask or to record; a marker file
// (tally_marks.h) answers all other questions with one pread.
//
// The n-th failure of an address costs login_delay * 2^(n-1), at most login_delay_max; the count
// halves every kHalfLife.  Attempts of such an address queue up one delay apart, over all
// connections and protocols, and what would have to wait longer than login_delay_max is not looked
// at: opening more of them does not help.  A success forgives nothing: an attacker may own an
// account.  Addresses in login_delay_exempt, and connections without one, always pay the plain
// login_delay.
//
// A missing or broken database or program never stops a login: the plain login_delay counts, and
// one line a connection (event=tally-failed) says why.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conf/settings.h"
#include "io/owned_fd.h"
#include "log/log.h"
#include "privsep/ids.h"
#include "privsep/tally_marks.h"

namespace dmail::privsep {

inline constexpr int kTallyMs = 5000;  // how long dmtally may take for one answer
inline constexpr size_t kMaxTallyAnswer = 600;

class Tally {
 public:
  // `mail`: the mail user, invalid when we are not root.  Both references must outlive this.
  Tally(const conf::Settings& settings, log::Log& log, Ids mail)
      : settings_(settings), log_(log), mail_(mail) {}
  ~Tally() { reap_leaving(); }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  // How long an attempt from this address has to wait before it is looked at, milliseconds; kFull:
  // so many wait already that it must not be looked at.
  static constexpr int64_t kFull = -1;
  int64_t wait_ms(std::string_view ip);
  // Whether failures of this address count, and whether there are any.
  [[nodiscard]] bool counts(std::string_view ip) const;
  bool has_failures(std::string_view ip);
  // Records a wrong login (not a temporary failure) and says how long its answer has to wait.
  int64_t failed(std::string_view ip, std::string_view user);
  // After a login by IMAP or POP: where forward_user names this user, the address may relay for
  // forward_window seconds.
  void logged_in(std::string_view ip, std::string_view user);
  // Who has logged in from this very address within forward_window.
  std::optional<std::string> relay_user(std::string_view ip);

 private:
  std::optional<Mark> mark(MarkKind kind, std::string_view key);
  std::optional<int64_t> delay(std::string_view question, std::string_view ip);
  std::optional<std::string> ask(const std::string& question);
  Result<std::string> answer_to(const std::string& question);
  void complain(std::string_view text);
  void reap_leaving();

  const conf::Settings& settings_;
  log::Log& log_;
  Ids mail_;
  OwnedFd marks_;
  bool tried_marks_ = false;
  bool told_ = false;
  std::vector<pid_t> leaving_;  // have answered, and may have tidying left to do
};

// Whether forward_user lets logins of `user` (in full, USER or USER@DOMAIN) open the relay.
bool relays_after_login(const conf::Settings& settings, std::string_view user);

}  // namespace dmail::privsep

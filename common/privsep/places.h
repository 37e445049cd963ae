// Limits on how many connections an address and how many sessions an account may have at a time,
// without a process that counts: every one of them holds a lock on a byte of a file below
// work_path/places for as long as it lives.  The lock belongs to an open file description
// (F_OFD_SETLK) that the monitor opens and leaves open for the session program, so a place is free
// again whenever the last process of the connection is gone, however it ended.
//
// The directory and its files (kPlaceFiles, empty, spread by key) are made by the monitor and are
// its own.  A session gets a description that is open for reading: it cannot write to the file, and
// one that was taken over can hold back only those whose key falls into its own file.
// A limit that is made smaller may be passed by connections that were there before.
// When places cannot be counted the connection is served, with one line in the log.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/settings.h"
#include "io/owned_fd.h"
#include "log/log.h"

namespace dmail::privsep {

// Where a session program finds what it holds and never touches.
inline constexpr int kAddressPlaceFd = 9;
inline constexpr int kUserPlaceFd = 10;
// Logins of one address that are judged at a time.  What an address may guess before its first
// failure is known is this much, however many connections it has.
inline constexpr int64_t kTurns = 4;
inline constexpr unsigned kPlaceFiles = 256;

class Places {
 public:
  // The references must outlive this.
  Places(const conf::Settings& settings, log::Log& log) : settings_(settings), log_(log) {}

  // A place for this connection among those of its address (max_connections_per_ip), instead of one
  // taken before; false, with a line in the log, when all are taken.  Addresses of
  // login_delay_exempt, trusted proxies (what counts is the client they name) and connections
  // without an address need none.
  bool take_address(std::string_view ip);
  // A place for a session of `user` in `service` (max_sessions_per_user), instead of one taken
  // before; false when all are taken.
  bool take_user(std::string_view service, std::string_view user);
  void leave_user() { user_.reset(); }
  // A turn among kTurns of its address to have a login judged, until take's `turn` goes; false when
  // all are taken.
  bool take_turn(std::string_view ip, OwnedFd& turn);
  // Adds to the descriptors of the program that the connection becomes.
  void add_to(std::vector<std::pair<int, int>>& descriptors) const;

 private:
  bool take(std::string_view key, int64_t limit, OwnedFd& into);

  const conf::Settings& settings_;
  log::Log& log_;
  OwnedFd address_, user_;
};

}  // namespace dmail::privsep

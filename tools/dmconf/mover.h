// Moves one user's drop file and folders to where today's settings look.
//
// Nothing is copied and nothing is overwritten: both are renamed within one file system, the drop
// file under its fcntl lock and the dotlocks of both places, the folders when no session has a
// mailbox of theirs open.  Killed at any point, each of the two is whole at the old place or at the
// new one, and the next run moves the rest.  Where a server has already made an empty drop file (or
// empty folders) at the new place, the two change places: who has waited for a lock on the empty
// one keeps writing into a file that has a name.
#pragma once

#include <string>

#include "base/result.h"
#include "spool.h"

namespace dmail::dmconf {

enum class Move {
  Possible,  // both drop file and folders can go (or there is only one of them)
  Done,
  Gone,      // nothing is there any more
  Leftover,  // the old place holds no mail, the new one is in use: nothing to do
  BothHaveMail,
  InUse,    // a session has a mailbox open, or a lock was not had in time
  Unclear,  // see `text`
};

struct Outcome {
  Move what = Move::Unclear;
  std::string text;      // what stands in the way
  uint64_t octets = 0;   // of the drop file
  bool folders = false;  // there are some to move
};

class Mover {
 public:
  explicit Mover(int lock_seconds) : lock_seconds_(lock_seconds) {}
  // What move() would meet; changes nothing.
  [[nodiscard]] Outcome look(const Stray& stray) const;
  [[nodiscard]] Outcome move(const Stray& stray) const;

 private:
  int lock_seconds_;
};

}  // namespace dmail::dmconf

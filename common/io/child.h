// The end of a child process, waited for with a deadline.
#pragma once

#include <sys/types.h>

#include "io/clock.h"

namespace dmail {

// What a killed child gets to be gone.
inline constexpr int kKilledMs = 5000;

// The status of `pid` (a child of ours) as waitpid(2) gives it.  A child that is not gone at the
// deadline is killed: a parent never outlives its connection because a child closed its descriptors
// and stayed.  One that is still there kKilledMs later (it hangs in a file system that its user
// serves) is left to init, and counts as killed.
int reap(pid_t pid, Deadline patience);

}  // namespace dmail

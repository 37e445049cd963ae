// The end of a child process, waited for with a deadline.
#pragma once

#include <sys/types.h>

#include "io/clock.h"

namespace dmail {

// The status of `pid` (a child of ours) as waitpid(2) gives it.  A child that is not gone at the
// deadline is killed: a parent never outlives its connection because a child closed its descriptors
// and stayed.
int reap(pid_t pid, Deadline patience);

}  // namespace dmail

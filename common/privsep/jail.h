// Starting a program that talks to the network, in a jail it never was outside of, and the filter
// that the program puts on itself before it reads a byte.
//
// As root the child has the login user's ids, no groups, an empty root directory, no descriptors
// but the named ones, no new privileges, no core, and small limits before the program's first
// instruction: the executable is opened by the monitor and executed by descriptor.  As an ordinary
// user there is no other id and no root directory to give; everything else is the same.  A step
// that fails is fatal. Sanitized builds keep address space and system calls open, which the
// sanitizers need.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "privsep/ids.h"

namespace dmail::privsep {

struct JailPlan {
  std::string program;                 // path of a static executable
  std::vector<std::string> arguments;  // argv[0] first
  std::vector<std::pair<int, int>>
      descriptors;                     // {ours, the child's (below 12)}; others are closed
  Ids ids;                             // login_user; not used when we are not root
  std::string root_directory;          // jail_path: empty, root's, writable by nobody else
  uint64_t address_space = 64u << 20;  // RLIMIT_AS, bytes
  uint64_t file_size = 0;              // RLIMIT_FSIZE
  bool local_time = false;             // the child needs to know the zone
  uint64_t open_files = 16;            // RLIMIT_NOFILE
  bool ends_with_us = false;           // killed when the monitor has ended, however it did
};

// Returns the child's pid once the program runs.  The caller's signal mask and ignored signals pass
// on.
Result<pid_t> start_jailed(const JailPlan& plan);

// What else than reading, writing and waiting a jailed program needs.
struct JailRules {
  bool pass_descriptors = false;  // sendmsg: hand a descriptor to the monitor
  bool write_files = false;       // pwrite, fdatasync, ftruncate, lseek on descriptors it was given
};

// First statement of a jailed program's main(): not dumpable, system calls by a list of at most 45,
// each other one kills the process.  Fails when the kernel has no filters.
Status enter_jail(const JailRules& rules = {});

// Before it: false, with a word on standard error, when kMonitorFd is no socket, because a person
// has started the program.
bool started_by_monitor();

// For a program that must open files (Kerberos): not dumpable, and no new program or process, no
// look into others, no signals or limits for them, no mounts or namespaces; everything else is left
// to it.
Status enter_wide_jail();

}  // namespace dmail::privsep

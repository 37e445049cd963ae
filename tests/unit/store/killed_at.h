// Work in a child process that dies before (and in the middle of) its n-th system call that changes
// a file.  The calls are caught by definitions of our own (killed_at_test.cc), which win over the C
// library's.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "mail_file_fixture.h"

extern int calls_left;    // -1: no counting
extern int failing_call;  // errno that the last call gives instead of dying
extern bool no_fallocate;

// Runs `work` in a child that dies at call `n`; true when it came to its end before.
template <typename Work>
bool killed_at(int n, Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    calls_left = n;
    work();
    calls_left = -1;
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 99));
  return WEXITSTATUS(status) == 0;
}

inline std::string block(char c, size_t n) { return std::string(n - 1, c) + "\n"; }

inline const std::string kDelivered = "From x@y Sat Nov 21 11:05:22 2026\na: b\n\nx\n\n";

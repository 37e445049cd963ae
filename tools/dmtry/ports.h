// Ports of 127.0.0.1 for the servers of an instance.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/owned_fd.h"

namespace dmail::dmtry {

// Ports taken here stay ours until `let_go`, so that no two are the same.  After that, and until
// this is gone, no other dmtry chooses them: the servers have time to start.
class Ports {
 public:
  // `wanted`, or for 0 a free one; an Error when that is taken.  Free ones are below those the
  // system gives to outgoing connections, which could be in the server's way when it starts.
  Result<int> take(int wanted);
  void let_go() { held_.clear(); }  // for the servers

 private:
  bool hold(int port);
  bool reserve(int port);

  std::vector<OwnedFd> held_, reserved_;
};

}  // namespace dmail::dmtry

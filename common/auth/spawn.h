// Starting a child from a small static program: vfork, so that the cost doesn't depend on our size.
#pragma once

#include "auth/helper.h"

namespace dmail::auth {

// The child gets `input`, `output` and /dev/null as 0, 1 and 2 and nothing else.
Result<pid_t> spawn(const HelperCommand& command, int input, int output);

}  // namespace dmail::auth

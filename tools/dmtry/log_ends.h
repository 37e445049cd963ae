// What the logs of an instance say last, for somebody who waits at the terminal: the demo's
// directory is gone when he could look.
#pragma once

#include <string>

namespace dmail::dmtry {

// The last lines of each file in `directory`, under its name; empty when there are none.
std::string log_ends(const std::string& directory);

}  // namespace dmail::dmtry

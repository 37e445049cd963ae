// A password from the person at the terminal.
#pragma once

#include <string>

#include "base/result.h"

namespace dmail::nwauth {

// Asks at the terminal, twice, without showing what is typed; where standard input is no terminal,
// it is one line of that.  BadInput: the two differ, nothing was typed, or the line is too long.
Result<std::string> ask_password(const std::string& user);

}  // namespace dmail::nwauth

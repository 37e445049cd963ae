// What multiauth's configuration names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmail::dmconf {

// `words`: a command line of authent_process.  The modules that it asks when it is multiauth, each
// `/program argument...` or `unix:/socket`; what is wrong with the file goes to `problems`.
std::vector<std::string> multiauth_modules(const std::vector<std::string_view>& words,
                                           std::vector<std::string>& problems);

}  // namespace dmail::dmconf

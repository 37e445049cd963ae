// The authentication modules that dmail.conf names: that they are there, and that module_user, as
// whom they run, can use their files, and nobody else change them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/settings.h"

namespace dmail::dmconf {

// What executes: setting, path.
void check_program(std::string_view setting, const std::string& path,
                   std::vector<std::string>& problems);
// `command`: a program with its arguments, or `unix:` and a socket; nothing where it is empty.
void check_module(std::string_view setting, const std::string& command,
                  const conf::Settings& settings, std::vector<std::string>& problems);

}  // namespace dmail::dmconf

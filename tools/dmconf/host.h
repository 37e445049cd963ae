// Whether this host has what the settings name: accounts, directories, certificates, programs.
#pragma once

#include <string>
#include <vector>

#include "conf/settings.h"

namespace dmail::dmconf {

// A line for each thing that is missing or would be refused, with what to do about it.  Opens files
// as the servers do, runs nothing, and changes nothing.  Should be asked by root.
std::vector<std::string> host_problems(const conf::Settings& settings);

}  // namespace dmail::dmconf

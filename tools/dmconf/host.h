// Whether this host has what the settings name: accounts, directories, certificates, programs.
#pragma once

#include "conf/settings.h"
#include "report.h"

namespace dmail::dmconf {

// What is missing or would be refused, with what to do about it, and what is good to know.  Opens
// files as the servers do, runs nothing, and changes nothing.  Should be asked by root.
Report look_at_host(const conf::Loaded& loaded);

}  // namespace dmail::dmconf

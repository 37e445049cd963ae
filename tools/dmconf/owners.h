// Who owns, and who may change, what dmail works with.
#pragma once

#include "conf/settings.h"
#include "report.h"

namespace dmail::dmconf {

// The directories of mail (with those of hash_spool), of work and of logs, dmail.conf with its
// includes, and passwd files: owner and mode that servers refuse or that tell too much, and the
// command to type.
void check_owners(const conf::Loaded& loaded, Report& report);

}  // namespace dmail::dmconf

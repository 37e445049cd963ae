// The certificates of dmail.conf, taken in by the code that the servers run.
#pragma once

#include "conf/settings.h"
#include "report.h"

namespace dmail::dmconf {

// A problem: what a server would refuse, what is not valid now or not for long, and names that are
// not those of the domain.  A fact for each that is good: its names, and how long it is valid.
void check_certificates(const conf::Settings& settings, Report& report);

}  // namespace dmail::dmconf

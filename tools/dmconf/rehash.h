// dmconf rehash: says which drop files lie where today's settings do not look, and moves them
// there.
#pragma once

#include <string>
#include <vector>

#include "conf/settings.h"
#include "report.h"
#include "spool.h"

namespace dmail::dmconf {

struct RehashOptions {
  bool move = false;   // else it only says what it would do
  std::string from;    // a drop path of earlier settings; empty: those of today
  std::string domain;  // whose it was; empty: the main domain's
};

// Exit status: 0 all mail is in its place, 1 something is left to do, 2 it could not look.
int rehash(const conf::Settings& settings, const RehashOptions& options);

// For `dmconf host`: the sum of it, with an example; `visitor` looks at the directories on the way.
void check_spool(const conf::Settings& settings, Report& report, Spool::Visitor visitor);

}  // namespace dmail::dmconf

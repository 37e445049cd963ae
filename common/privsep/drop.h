// Becoming an ordinary user for good, and proving it.
#pragma once

#include "base/result.h"
#include "privsep/ids.h"

namespace dmail::privsep {

bool is_root();  // effective uid 0: there is something to give up

// Real, effective and saved ids become `ids`, supplementary groups none; then every way back is
// tried and must fail.  Ids 0 are refused.  Where we are not root, the uid must be what we are
// already, in all forms.  After an Error the process may be half changed: it must end.
Status become(Ids ids);

}  // namespace dmail::privsep

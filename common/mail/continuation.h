// Parameters that were sent in pieces (RFC 2231 section 3): name*0, name*1 and so on, or
// name*0*=... in a charset.
#pragma once

#include <string>
#include <vector>

namespace dmail::mail {

struct Parameter {
  std::string name, value;
};

// Puts pieces together where they are numbered from 0 without a gap; the result is `name`, or
// `name*` with a value as RFC 2231 section 4 has it when a piece was in a charset.  It stands where
// piece 0 stood.  What does not fit is left as it is.
void join_continuations(std::vector<Parameter>& parameters);

}  // namespace dmail::mail

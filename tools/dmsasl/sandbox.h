// What dmsasl gives up before it looks at a byte of the client's.
#pragma once

#include "base/result.h"

namespace dmail::dmsasl {

// First: refuses root, no environment, no core, no trace.
Status give_up_rights();
// Copies the keytab behind `fd` into memory that this process alone can read, and tells the
// Kerberos library where.  NotFound when there is none.
Status place_keytab(int fd);
// Has the Kerberos library keep its replay cache in the directory behind `fd`; in its own place
// when there is none.
Status place_replay_cache(int fd);
// Last: limits and the system call filter.  `files`: for GSSAPI, whose library opens files and
// keeps its replay cache; no program can be started all the same.
Status close_sandbox(bool files);

}  // namespace dmail::dmsasl

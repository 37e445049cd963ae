// A user's drop file and folder directory, made or checked by the monitor as root just before it
// becomes the user.
//
// Root touches nothing outside the spool: only what lies under the drop path of the domain (which
// the administrator named) is prepared.  Below it every directory is entered by openat without
// following links, must be root's (or the mail user's) and writable by nobody else; missing hash
// directories are made.  A drop file is made by O_EXCL with the user's ids, 0600; one that is there
// must be a regular file of the user with one name, writable by no stranger.  Same for the folder
// directory (0700).  What does not fit is refused, never repaired; only an empty file or directory
// that we made ourselves and died before giving away is adopted.  Whatever lies elsewhere (a path
// in the home directory) is left to the session, which has the user's rights.
#pragma once

#include <string>

#include "account/account.h"
#include "base/result.h"
#include "privsep/ids.h"

namespace dmail::privsep {

struct MailPlace {
  std::string base;  // the drop path; its own directory must be there
  const account::Account* account = nullptr;
  Ids owner;     // of drop file and folders
  Ids mail_ids;  // the mail user, which may own directories; invalid: there is none
};

// NoPermission with a log text that names the file, NoSpace, Io.
Status prepare_mail(const MailPlace& place);

}  // namespace dmail::privsep

// Reply lines of an authentication module (dmail.conf(5), authent_process):
//
//   +OK USER [PATH|config [UID]] [label="value" ...]    -ERR text    -DEAD text    +DATA text
//
// Only the first word decides; text is free.  Everything here may be hostile or cut short.
#pragma once

#include <string_view>

#include "auth/authenticator.h"

namespace dmail::auth {

struct Reply {
  bool final = true;  // false: +DATA, another line follows
  Answer answer;
};

// One line, without its LF, as the answer to a question about `user`.  A line that is no reply,
// speaks of another user, or whose fields are malformed gives Dead.  Labels quota (kbytes), uid,
// gid and home become facts, too; those of secret.h are dropped.
Reply parse_reply(std::string_view line, std::string_view user);
// The same as the answer to `secret`: of the labels only those of secret.h stay.  A malformed one
// gives Dead; +OK without any is No: the user has no keys for this mechanism.
Reply parse_secret_reply(std::string_view line, std::string_view user);

// Whether these can be sent in the line protocol at all.
bool sendable_user(std::string_view user);
bool sendable_password(std::string_view password);
bool sendable_token(std::string_view token);

}  // namespace dmail::auth

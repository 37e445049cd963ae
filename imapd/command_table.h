// The only list of IMAP commands: name, where it is legal, what the session does around it, where
// it is specified, and who does it.  A handler reads its arguments, checks everything, then acts;
// it writes untagged data and returns how the command ended.
#pragma once

#include <string_view>

#include "imapd/outcome.h"

namespace dmail::imapd {

class Parser;
class Session;

enum CommandFlag : unsigned {
  kAnyState = 1,
  kAuthenticated = 2,  // after login, with or without a mailbox
  kSelected = 4,
  kBeforeLogin = 8,   // the login program's; here only to say so
  kWrites = 16,       // refused in a mailbox opened by EXAMINE
  kKeepNumbers = 32,  // no EXPUNGE may be told before its tagged line (RFC 3501 section 7.4.1)
  kNoUpdates = 64,    // tells nothing of the mailbox afterwards: it was just opened or closed
};

struct CommandRow {
  std::string_view name;  // "UID FETCH" for the UID form
  unsigned flags;
  std::string_view specified;
  Outcome (*run)(Session&, Parser&);
};

// Null when there is no such command; `name` in any case.
const CommandRow* find_command(std::string_view name);

Outcome cmd_capability(Session&, Parser&);
Outcome cmd_noop(Session&, Parser&);
Outcome cmd_logout(Session&, Parser&);
Outcome cmd_id(Session&, Parser&);
Outcome cmd_enable(Session&, Parser&);
Outcome cmd_before_login(Session&, Parser&);
Outcome cmd_select(Session&, Parser&);
Outcome cmd_examine(Session&, Parser&);
Outcome cmd_close(Session&, Parser&);
Outcome cmd_unselect(Session&, Parser&);
Outcome cmd_create(Session&, Parser&);
Outcome cmd_delete(Session&, Parser&);
Outcome cmd_rename(Session&, Parser&);
Outcome cmd_subscribe(Session&, Parser&);
Outcome cmd_unsubscribe(Session&, Parser&);
Outcome cmd_list(Session&, Parser&);
Outcome cmd_lsub(Session&, Parser&);
Outcome cmd_namespace(Session&, Parser&);
Outcome cmd_status(Session&, Parser&);
Outcome cmd_append(Session&, Parser&);
Outcome cmd_idle(Session&, Parser&);
Outcome cmd_check(Session&, Parser&);
Outcome cmd_expunge(Session&, Parser&);
Outcome cmd_uid_expunge(Session&, Parser&);
Outcome cmd_search(Session&, Parser&);
Outcome cmd_uid_search(Session&, Parser&);
Outcome cmd_fetch(Session&, Parser&);
Outcome cmd_uid_fetch(Session&, Parser&);
Outcome cmd_store(Session&, Parser&);
Outcome cmd_uid_store(Session&, Parser&);
Outcome cmd_copy(Session&, Parser&);
Outcome cmd_uid_copy(Session&, Parser&);
Outcome cmd_move(Session&, Parser&);
Outcome cmd_uid_move(Session&, Parser&);

}  // namespace dmail::imapd

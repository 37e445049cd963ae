// The commands that only the command line has: list, passwd, dump, load; and set and del with what
// the administrator should know on standard error.  Answers are those of the protocol.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "io/owned_fd.h"
#include "tools/modules/line_protocol.h"
#include "tools/nwauth/commands.h"

namespace dmail::nwauth {

// The file that dump or load names, opened by whoever calls us, before we become the owner of the
// database: made anew with mode 0600 for dump, read for load; 1 or 0 where none is named.
// nullopt: the words are another command's.
std::optional<Result<OwnedFd>> open_dump_file(const std::vector<std::string>& words);

struct Admin {
  Commands& commands;
  UserTable& users;
  const conf::Settings* settings;  // nullptr: dmail.conf cannot be read, and nothing is said of it
  const modules::EventLog& log;
  int file = -1;  // of dump or load
};
// An exit status; nullopt when it is no such command.
std::optional<int> run_admin(const Admin& admin, std::vector<std::string>& words);

}  // namespace dmail::nwauth

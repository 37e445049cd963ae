// Every command of the transaction state: name, arguments, handler, specification.
#pragma once

#include <span>
#include <string_view>

#include "dpopd/outcome.h"

namespace dmail::dpopd {

class Session;

struct Command {
  std::string_view name;
  int least_arguments;
  int most_arguments;
  Outcome (*handler)(Session&, std::span<const std::string_view>);
  std::string_view specification;
};

// Null when there is no such command (names fold case).
const Command* find_command(std::string_view name);

using Arguments = std::span<const std::string_view>;
Outcome cmd_stat(Session&, Arguments);
Outcome cmd_list(Session&, Arguments);
Outcome cmd_uidl(Session&, Arguments);
Outcome cmd_dele(Session&, Arguments);
Outcome cmd_rset(Session&, Arguments);
Outcome cmd_noop(Session&, Arguments);
Outcome cmd_retr(Session&, Arguments);
Outcome cmd_top(Session&, Arguments);
Outcome cmd_capa(Session&, Arguments);
Outcome cmd_quit(Session&, Arguments);

}  // namespace dmail::dpopd

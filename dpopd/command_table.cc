#include "dpopd/command_table.h"

#include "base/ascii.h"

namespace dmail::dpopd {
namespace {

constexpr Command kCommands[] = {
    {"STAT", 0, 0, cmd_stat, "RFC 1939 section 5"}, {"LIST", 0, 1, cmd_list, "RFC 1939 section 5"},
    {"RETR", 1, 1, cmd_retr, "RFC 1939 section 5"}, {"DELE", 1, 1, cmd_dele, "RFC 1939 section 5"},
    {"NOOP", 0, 0, cmd_noop, "RFC 1939 section 5"}, {"RSET", 0, 0, cmd_rset, "RFC 1939 section 5"},
    {"QUIT", 0, 0, cmd_quit, "RFC 1939 section 6"}, {"TOP", 2, 2, cmd_top, "RFC 1939 section 7"},
    {"UIDL", 0, 1, cmd_uidl, "RFC 1939 section 7"}, {"CAPA", 0, 0, cmd_capa, "RFC 2449 section 5"},
};

}  // namespace

const Command* find_command(std::string_view name) {
  for (const Command& c : kCommands)
    if (iequals(c.name, name)) return &c;
  return nullptr;
}

}  // namespace dmail::dpopd

#include "imapd/command_table.h"

#include "base/ascii.h"

namespace dmail::imapd {
namespace {

constexpr CommandRow kCommands[] = {
    {"CAPABILITY", kAnyState, "RFC 3501 6.1.1", cmd_capability},
    {"NOOP", kAnyState, "RFC 3501 6.1.2", cmd_noop},
    {"LOGOUT", kAnyState | kNoUpdates, "RFC 3501 6.1.3", cmd_logout},
    {"ID", kAnyState, "RFC 2971 3.1", cmd_id},
    {"STARTTLS", kBeforeLogin, "RFC 3501 6.2.1", cmd_before_login},
    {"AUTHENTICATE", kBeforeLogin, "RFC 3501 6.2.2", cmd_before_login},
    {"LOGIN", kBeforeLogin, "RFC 3501 6.2.3", cmd_before_login},
    {"ENABLE", kAuthenticated, "RFC 5161 3.1", cmd_enable},
    {"SELECT", kAuthenticated | kNoUpdates, "RFC 3501 6.3.1", cmd_select},
    {"EXAMINE", kAuthenticated | kNoUpdates, "RFC 3501 6.3.2", cmd_examine},
    {"CREATE", kAuthenticated, "RFC 3501 6.3.3", cmd_create},
    {"DELETE", kAuthenticated, "RFC 3501 6.3.4", cmd_delete},
    {"RENAME", kAuthenticated, "RFC 3501 6.3.5", cmd_rename},
    {"SUBSCRIBE", kAuthenticated, "RFC 3501 6.3.6", cmd_subscribe},
    {"UNSUBSCRIBE", kAuthenticated, "RFC 3501 6.3.7", cmd_unsubscribe},
    {"LIST", kAuthenticated, "RFC 3501 6.3.8", cmd_list},
    {"LSUB", kAuthenticated, "RFC 3501 6.3.9", cmd_lsub},
    {"STATUS", kAuthenticated, "RFC 3501 6.3.10", cmd_status},
    {"APPEND", kAuthenticated, "RFC 3501 6.3.11, RFC 3502", cmd_append},
    {"NAMESPACE", kAuthenticated, "RFC 2342 5", cmd_namespace},
    {"IDLE", kAuthenticated, "RFC 2177 3", cmd_idle},
    {"CHECK", kSelected, "RFC 3501 6.4.1", cmd_check},
    {"CLOSE", kSelected | kNoUpdates, "RFC 3501 6.4.2", cmd_close},
    {"UNSELECT", kSelected | kNoUpdates, "RFC 3691 2", cmd_unselect},
    {"EXPUNGE", kSelected | kWrites, "RFC 3501 6.4.3", cmd_expunge},
    {"UID EXPUNGE", kSelected | kWrites, "RFC 4315 2.1", cmd_uid_expunge},
    {"SEARCH", kSelected | kKeepNumbers, "RFC 3501 6.4.4", cmd_search},
    {"UID SEARCH", kSelected, "RFC 3501 6.4.8", cmd_uid_search},
    {"FETCH", kSelected | kKeepNumbers, "RFC 3501 6.4.5", cmd_fetch},
    {"UID FETCH", kSelected, "RFC 3501 6.4.8", cmd_uid_fetch},
    {"STORE", kSelected | kKeepNumbers | kWrites, "RFC 3501 6.4.6", cmd_store},
    {"UID STORE", kSelected | kWrites, "RFC 3501 6.4.8", cmd_uid_store},
    {"COPY", kSelected, "RFC 3501 6.4.7, RFC 4315 3", cmd_copy},
    {"UID COPY", kSelected, "RFC 3501 6.4.8, RFC 4315 3", cmd_uid_copy},
    {"MOVE", kSelected | kWrites, "RFC 6851 3.1", cmd_move},
    {"UID MOVE", kSelected | kWrites, "RFC 6851 3.2", cmd_uid_move},
};

}  // namespace

const CommandRow* find_command(std::string_view name) {
  for (const CommandRow& row : kCommands)
    if (iequals(row.name, name)) return &row;
  return nullptr;
}

}  // namespace dmail::imapd

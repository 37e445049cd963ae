// Where the mail of a user of the database lies, as the servers find it by dmail.conf.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "account/account.h"
#include "conf/settings.h"
#include "tools/nwauth/record.h"

namespace dmail::nwauth {

// `record`: what the database holds of the user, if anything; its label `account` names another.
Result<account::Account> mail_place(const std::string& user, const Record* record,
                                    const conf::Settings& settings);

// `nwauth drop_path USER...`: a line for each; 1 when one of them can have no mail here.
int print_drop_paths(const std::vector<std::string>& users, const conf::Settings& settings);
// `nwauth drop_path METHOD BASE USER...`, which knows no domains: such a user is refused.
int print_hashed_paths(const std::vector<std::string>& words, int method);

// What somebody who has set or deleted `user` should know, for standard error; empty: nothing.
std::string remark_on_added(const std::string& user, const conf::Settings& settings);
std::string remark_on_deleted(const std::string& user, const Record& record,
                              const conf::Settings& settings);
std::string remark_on_labels(const std::vector<std::string>& labels,
                             const conf::Settings& settings);

}  // namespace dmail::nwauth

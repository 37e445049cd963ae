#include "tools/nwauth/mail_place.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "account/drop_name.h"
#include "base/ascii.h"
#include "base/text.h"

namespace dmail::nwauth {
namespace {

bool is_there(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

// Of the drop file and the folders, those that are there.
std::string found_of(const account::Account& account) {
  std::string out;
  for (const std::string& path : {account.drop_file, account.folders}) {
    if (!is_there(path) || (!out.empty() && path == account.drop_file)) continue;
    out += concat(out.empty() ? "" : " ", path);
  }
  return out;
}

}  // namespace

Result<account::Account> mail_place(const std::string& user, const Record* record,
                                    const conf::Settings& settings) {
  account::Login login;
  login.name = user;
  auto name = account::login_name(login, settings);
  if (!name) return std::move(name.error());
  account::Facts facts;
  if (record != nullptr)
    for (const auto& [label, value] : record->labels)
      if (label == "account") facts.account = value;
  return account::account_of(*name, facts, settings);
}

int print_drop_paths(const std::vector<std::string>& users, const conf::Settings& settings) {
  int status = 0;
  for (const std::string& user : users) {
    const auto place = mail_place(user, nullptr, settings);
    if (place) {
      std::printf("%s\n", place->drop_file.c_str());
      continue;
    }
    const std::string& why = place.error().log.empty() ? place.error().client : place.error().log;
    std::fprintf(stderr, "nwauth: %s: %s\n", escaped(user, 60).c_str(), why.c_str());
    status = 1;
  }
  return status;
}

int print_hashed_paths(const std::vector<std::string>& words, int method) {
  for (size_t i = 3; i < words.size(); ++i) {
    const std::string user = lower(words[i]);
    if (user.find_first_of("@/\\") != std::string::npos) {
      std::fprintf(stderr,
                   "nwauth: %s: where a user of a domain lies is for dmail.conf to say: nwauth "
                   "drop_path %s\n",
                   escaped(user, 60).c_str(), escaped(user, 60).c_str());
      return 1;
    }
    std::string path = words[2];
    for (const std::string& level : account::hash_directories(user, method)) path += "/" + level;
    const Result<std::string> file = account::encoded_name(user, "/");
    if (!file) {
      std::fprintf(stderr, "nwauth: %s\n", file.error().client.c_str());
      return 1;
    }
    std::printf("%s/%s\n", path.c_str(), file->c_str());
  }
  return 0;
}

std::string remark_on_added(const std::string& user, const conf::Settings& settings) {
  const auto place = mail_place(user, nullptr, settings);
  if (!place) return {};
  const std::string found = found_of(*place);
  if (found.empty()) return {};
  return concat("mail is there already and will be this user's: ", found);
}

std::string remark_on_deleted(const std::string& user, const Record& record,
                              const conf::Settings& settings) {
  const auto place = mail_place(user, &record, settings);
  if (!place) return {};
  const std::string found = found_of(*place);
  std::string out =
      found.empty()
          ? ""
          : concat("the mail stays, and would be a new user's of this name: rm -r ", found, "\n");
  return concat(out, "sessions that are open stay, too: dmwho --kick ", user);
}

std::string remark_on_labels(const std::vector<std::string>& labels,
                             const conf::Settings& settings) {
  if (settings.user_quota != conf::kQuotaOff) return {};
  for (const std::string& label : labels)
    if (istarts_with(label, "quota=") && label != "quota=" && label != "quota=\"\"")
      return "the quota does not count: user_quota in dmail.conf is false (true obeys this label)";
  return {};
}

}  // namespace dmail::nwauth

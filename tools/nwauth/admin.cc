#include "tools/nwauth/admin.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "tools/nwauth/dump.h"
#include "tools/nwauth/mail_place.h"
#include "tools/nwauth/prompt.h"

namespace dmail::nwauth {
namespace {

int say(const std::string& answer) {
  std::fputs(answer.c_str(), stdout);
  return modules::exit_status(answer);
}

int failed(const Error& error) { return say(concat("-DEAD ", escaped(error.log), '\n')); }

int usage(const char* text) {
  std::fprintf(stderr, "usage: nwauth [options] %s\n", text);
  return 64;
}

// Lines for the person, each with our name in front.
void remark(const std::string& text) {
  for (std::string_view rest = text; !rest.empty();)
    std::fprintf(stderr, "nwauth: %s\n", std::string(take_until(rest, '\n')).c_str());
}

int list(const Admin& admin, const std::vector<std::string>& words) {
  if (words.size() > 2) return usage("list [PATTERN]");
  const std::string pattern = words.size() == 2 ? lower(words[1]) : "*";
  Status done = admin.users.each([&](std::string_view name, std::string_view bytes) {
    if (!wildcard_match(pattern, name)) return true;
    std::string line(name);
    const Result<Record> record = parse_record(bytes);
    if (!record) line += concat(" # ", record.error().log);
    if (record)
      for (const auto& [label, value] : record->labels)
        line += concat(' ', label, "=\"", value, '"');
    return std::puts(line.c_str()) >= 0;
  });
  if (!done) return failed(done.error());
  return std::fflush(stdout) == 0 ? 0 : 74;
}

// With the word of the answer that tells a new user from an old one.
int set_user(const Admin& admin, const std::string& user, std::string& password,
             const std::vector<std::string>& labels) {
  const std::string answer = admin.commands.set(user, password, labels);
  wipe(password);
  modules::log_answer(admin.log, concat("set ", user), answer);
  const int status = say(answer);
  if (status != 0 || admin.settings == nullptr) return status;
  if (answer.find(" added ") != std::string::npos) remark(remark_on_added(user, *admin.settings));
  remark(remark_on_labels(labels, *admin.settings));
  return status;
}

int set(const Admin& admin, std::vector<std::string>& words) {
  if (words[2] == "-") {
    auto password = ask_password(words[1]);
    if (!password) {
      std::fprintf(stderr, "nwauth: %s\n", password.error().client.c_str());
      return 64;
    }
    words[2] = std::move(*password);
  }
  return set_user(admin, words[1], words[2], {words.begin() + 3, words.end()});
}

int passwd(const Admin& admin, const std::vector<std::string>& words) {
  if (words.size() != 2) return usage("passwd USER");
  const auto record = admin.users.find(lower(words[1]));
  if (!record) return failed(record.error());
  if (!*record)
    return say(concat("-ERR ", escaped(words[1], 60), " not a valid user (set makes one)\n"));
  auto password = ask_password(words[1]);
  if (!password) return say(concat("-ERR ", password.error().client, '\n'));
  return set_user(admin, words[1], *password, {});
}

int del(const Admin& admin, const std::vector<std::string>& words) {
  const auto record = admin.users.find(lower(words[1]));
  const std::string question = concat("del ", words[1]);
  const std::string answer = admin.commands.answer(question);
  modules::log_answer(admin.log, question, answer);
  const int status = say(answer);
  if (status == 0 && admin.settings != nullptr && record && *record)
    remark(remark_on_deleted(lower(words[1]), **record, *admin.settings));
  return status;
}

int dump_all(const Admin& admin, bool to_file) {
  const auto count = dump(admin.users, admin.file);
  if (!count) {
    std::fprintf(stderr, "nwauth: %s; what is there is not whole\n", count.error().log.c_str());
    return 75;
  }
  if (to_file) std::printf("+OK %llu users\n", static_cast<unsigned long long>(*count));
  return 0;
}

int load_all(const Admin& admin) {
  const auto done = load(admin.users, admin.file,
                         [&](std::string_view user) { return admin.commands.is_key(user); });
  if (!done)
    return say(concat(done.error().kind == ErrorKind::BadInput ? "-ERR " : "-DEAD ",
                      escaped(done.error().log), '\n'));
  return say(concat("+OK ", done->added, " users added, ", done->changed, " changed\n"));
}

}  // namespace

std::optional<Result<OwnedFd>> open_dump_file(const std::vector<std::string>& words) {
  if (words.empty() || words.size() > 2 || (words[0] != "dump" && words[0] != "load"))
    return std::nullopt;
  const bool out = words[0] == "dump";
  if (words.size() == 1 || words[1] == "-") return Result<OwnedFd>(OwnedFd(::dup(out ? 1 : 0)));
  const int flags = out ? O_WRONLY | O_CREAT | O_EXCL : O_RDONLY;
  OwnedFd fd(::open(words[1].c_str(), flags | O_CLOEXEC | O_NOCTTY, 0600));
  if (!fd.valid()) return Result<OwnedFd>(system_error("open " + words[1], errno));
  return Result<OwnedFd>(std::move(fd));
}

std::optional<int> run_admin(const Admin& admin, std::vector<std::string>& words) {
  const std::string& verb = words[0];
  if (verb == "list") return list(admin, words);
  if (verb == "passwd") return passwd(admin, words);
  if (verb == "dump" || verb == "load") {
    if (words.size() > 2) return usage("dump|load [FILE]");
    const bool named = words.size() == 2 && words[1] != "-";
    return verb == "dump" ? dump_all(admin, named) : load_all(admin);
  }
  if (verb == "set" && words.size() > 2) return set(admin, words);
  if (verb == "del" && words.size() == 2) return del(admin, words);
  return std::nullopt;
}

}  // namespace dmail::nwauth

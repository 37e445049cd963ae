#include "auth/passwd_file.h"

#include <crypt.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <memory>
#include <span>

#include "base/constant_time.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/file.h"

namespace dmail::auth {
namespace {

// Work for users of a file without a single usable hash: yescrypt at its usual cost.
constexpr char kNobody[] = "$y$j9T$dmaildmaildmaildmail00$";

struct Entry {
  bool found = false;
  std::string hash;          // of the user; empty: no password fits
  std::string example_hash;  // the first usable one of the file
};

bool usable(std::string_view hash) { return hash.size() > 12 && hash[0] != '*' && hash[0] != '!'; }

Result<std::string> contents_of(const std::string& path) {
  Result<OwnedFd> fd = open_file(path, O_RDONLY);
  if (!fd) return std::move(fd.error());
  Result<struct stat> st = stat_fd(fd->get());
  if (!st) return std::move(st.error());
  if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 || (st->st_uid != 0 && st->st_uid != ::geteuid()))
    return Error{ErrorKind::NoPermission, "", path + " can be written by others"};
  if (static_cast<uint64_t>(st->st_size) > kMaxPasswdFile)
    return Error{ErrorKind::Limit, "", path + " is too large"};
  std::string bytes(static_cast<size_t>(st->st_size), '\0');
  Result<size_t> n = read_at(fd->get(), std::span<char>(bytes), 0);
  if (!n) return std::move(n.error());
  bytes.resize(*n);
  return bytes;
}

Result<Entry> entry_of(const std::string& path, std::string_view user) {
  Result<std::string> bytes = contents_of(path);
  if (!bytes) return std::move(bytes.error());
  Entry entry;
  std::string_view rest = *bytes;
  while (!rest.empty()) {
    std::string_view line = trim(take_until(rest, '\n'));
    if (line.empty() || line.front() == '#') continue;
    const std::string_view name = take_until(line, ':');
    const std::string_view hash = take_until(line, ':');
    if (usable(hash) && entry.example_hash.empty()) entry.example_hash = hash;
    if (name != user || entry.found) continue;
    entry.found = true;
    if (usable(hash)) entry.hash = hash;
  }
  wipe(*bytes);
  return entry;
}

Answer dead(const Error& error) {
  Answer answer;
  answer.text = error.log;
  return answer;
}

}  // namespace

bool crypt_matches(std::string_view password, const std::string& hash) {
  std::string phrase(password);
  auto work = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(phrase.c_str(), hash.c_str(), work.get());
  const bool same = made != nullptr && made[0] != '*' && equal_constant_time(made, hash);
  wipe(phrase);
  ::explicit_bzero(work.get(), sizeof *work);
  return same;
}

Answer check_passwd_file(const std::string& path, std::string_view user,
                         std::string_view password) {
  Result<Entry> entry = entry_of(path, user);
  if (!entry) return dead(entry.error());
  Answer answer;
  answer.kind = Answer::Kind::No;
  answer.text = entry->found ? "wrong password" : "no such user in the passwd file";
  const bool possible = !entry->hash.empty();
  std::string hash = possible ? entry->hash : entry->example_hash;
  if (hash.empty()) hash = kNobody;
  const bool fits = crypt_matches(password, hash);
  if (possible && fits && !password.empty()) {
    answer.kind = Answer::Kind::Ok;
    answer.text.clear();
  }
  return answer;
}

Answer lookup_passwd_file(const std::string& path, std::string_view user) {
  Result<Entry> entry = entry_of(path, user);
  if (!entry) return dead(entry.error());
  Answer answer;
  answer.kind = entry->found ? Answer::Kind::Ok : Answer::Kind::No;
  if (!entry->found) answer.text = "no such user in the passwd file";
  return answer;
}

}  // namespace dmail::auth

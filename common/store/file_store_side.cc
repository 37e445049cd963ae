// FileStore: what lies beside the mail files: subscriptions, the quota sum.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "io/file.h"
#include "store/file_store.h"
#include "store/folder_names.h"

namespace dmail::store {
namespace {

constexpr size_t kMaxSubscriptions = size_t{4} << 20;  // bytes of .mailboxlist

// Names in `.index` that end in `ending`, without it.
std::vector<std::string> names_with(int directory, std::string_view ending) {
  std::vector<std::string> out;
  const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) ::close(fd);
    return out;
  }
  while (const dirent* entry = ::readdir(entries)) {
    std::string_view name = entry->d_name;
    if (name.ends_with(ending)) out.emplace_back(name.substr(0, name.size() - ending.size()));
  }
  ::closedir(entries);
  return out;
}

}  // namespace

Result<std::vector<std::string>> FileStore::subscriptions() {
  std::vector<std::string> out;
  auto text = read_file(concat(context_->config.folders, '/', kSubscriptions), kMaxSubscriptions);
  if (!text) {
    if (text.error().kind == ErrorKind::NotFound) return out;
    return std::move(text.error());
  }
  for (std::string_view line : split(*text, '\n')) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (auto name = valid_mailbox_name(line)) out.push_back(std::move(*name));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Status FileStore::subscribe(std::string_view asked, bool on) {
  auto name = valid_mailbox_name(asked);
  if (!name) return std::move(name.error());
  auto lock = lock_tree();
  if (!lock) return std::move(lock.error());
  auto names = subscriptions();
  if (!names) return std::move(names.error());
  const auto at = std::lower_bound(names->begin(), names->end(), *name);
  const bool there = at != names->end() && *at == *name;
  if (there == on) return {};
  if (on)
    names->insert(at, *name);
  else
    names->erase(at);
  std::string text;
  for (const std::string& n : *names) text.append(n).push_back('\n');
  if (text.size() > kMaxSubscriptions)
    return Error{ErrorKind::Limit, "There are too many subscriptions", ""};
  return replace_file(concat(context_->config.folders, '/', kSubscriptions), text);
}

// Indexes of mailboxes that are gone must not count.
void FileStore::drop_stray_indexes() {
  std::set<std::string> known;
  (void)list([&](const MailboxEntry& entry) {
    if (entry.selectable) known.insert(index_file_name(entry.name));
  }).ok();
  for (const std::string& base : names_with(context_->index.get(), ".idx"))
    if (!known.contains(base)) (void)::unlinkat(context_->index.get(), (base + ".idx").c_str(), 0);
}

Status FileStore::know_quota() {
  if (context_->config.quota_bytes == 0) return {};
  {
    auto hold = context_->quota->hold();
    if (!hold) return std::move(hold.error());
    if (hold->used()) return {};
  }
  std::vector<std::string> names;
  DMAIL_TRY(list([&](const MailboxEntry& entry) {
    if (entry.selectable) names.push_back(entry.name);
  }));
  drop_stray_indexes();
  // Brings every index in step; what is no mailbox, or locked for long, does not stop the others.
  for (const std::string& name : names) (void)status(name).ok();
  auto hold = context_->quota->hold();
  if (!hold) return std::move(hold.error());
  if (!hold->used()) hold->set(sum_of_indexes(*context_));
  return {};
}

Result<Quota> FileStore::quota() {
  Quota q;
  q.limit_bytes = context_->config.quota_bytes;
  (void)status("INBOX").ok();  // foreign deliveries go there
  if (q.limit_bytes == 0) {
    DMAIL_TRY(list([&](const MailboxEntry& entry) {
      if (!entry.selectable) return;
      if (auto s = status(entry.name)) q.used_bytes += s->size;
    }));
    return q;
  }
  DMAIL_TRY(know_quota());
  auto hold = context_->quota->hold();
  if (!hold) return std::move(hold.error());
  q.used_bytes = hold->used().value_or(0);
  return q;
}

}  // namespace dmail::store

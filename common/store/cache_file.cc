#include "store/cache_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/crc32.h"
#include "io/file.h"
#include "io/file_lock.h"
#include "mail/header.h"
#include "mail/structure.h"

namespace dmail::store {
namespace {

constexpr uint32_t kEntryMagic = 0x65636d64;  // "dmce"
constexpr size_t kFirstWindow = 4 * 1024, kWindow = 128 * 1024;

struct EntryHead {
  uint32_t magic = kEntryMagic;
  uint32_t crc = 0;  // over the rest of the head and the texts
  uint32_t uid_validity = 0;
  uint32_t uid = 0;
  uint32_t envelope = 0, body = 0, body_structure = 0;
  uint32_t reserved = 0;
};

constexpr size_t padded(size_t n) { return (n + 7) & ~size_t{7}; }

size_t entry_size(const EntryHead& h) {
  return sizeof h + padded(size_t{h.envelope} + h.body + h.body_structure);
}

}  // namespace

void append_cache_entry(std::string& out, uint32_t uid_validity, uint32_t uid,
                        const CacheTexts& texts) {
  EntryHead head;
  head.uid_validity = uid_validity;
  head.uid = uid;
  head.envelope = static_cast<uint32_t>(texts.envelope.size());
  head.body = static_cast<uint32_t>(texts.body.size());
  head.body_structure = static_cast<uint32_t>(texts.body_structure.size());
  const size_t start = out.size();
  out.append(sizeof head, '\0');
  out.append(texts.envelope).append(texts.body).append(texts.body_structure);
  out.resize(start + entry_size(head), '\0');
  std::memcpy(out.data() + start, &head, sizeof head);
  head.crc = crc32(std::string_view(out).substr(start + 8));
  std::memcpy(out.data() + start, &head, sizeof head);
}

void make_cache_entry(std::string& out, uint32_t uid_validity, uint32_t uid,
                      std::string_view message) {
  const mail::Structure structure = mail::parse_structure(message);
  const std::string envelope = mail::envelope_text(message.substr(0, mail::header_size(message)));
  const std::string body = mail::body_text(message, structure, false);
  const std::string body_structure = mail::body_text(message, structure, true);
  append_cache_entry(out, uid_validity, uid, {envelope, body, body_structure});
}

bool CacheFile::open(bool make) {
  if (fd_.valid()) {
    auto st = stat_fd(fd_.get());
    if (st && st->st_nlink > 0) return true;
    if (!make) return true;  // what we have is still good to read
    release_memory();
  }
  auto fd = open_file_at(directory_, name_, O_RDWR | (make ? O_CREAT : 0));
  if (!fd) return false;
  fd_ = std::move(*fd);
  return true;
}

uint64_t CacheFile::size() const {
  struct stat st {};
  return ::fstatat(directory_, name_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0
             ? static_cast<uint64_t>(st.st_size)
             : 0;
}

void CacheFile::discard() {
  (void)::unlinkat(directory_, name_.c_str(), 0);
  fd_.reset();
  release_memory();
}

bool CacheFile::give_room() {
  if (size() == 0) return false;
  const auto file = open_file_at(directory_, name_, O_RDWR);
  const bool free = file && truncate_to(file->get(), 0);
  discard();
  return free;
}

void CacheFile::release_memory() {
  std::string().swap(buffer_);
  buffer_at_ = 0;
  window_ = 0;
}

std::string_view CacheFile::window(uint64_t at, size_t size) {
  if (at < buffer_at_ || at + size > buffer_at_ + buffer_.size()) {
    // Entries are mostly read in the order they were written: the longer so, the more at once.
    const bool walking = at >= buffer_at_ && at <= buffer_at_ + buffer_.size() + kFirstWindow;
    window_ = walking && !buffer_.empty() ? std::min(window_ * 2, kWindow) : kFirstWindow;
    buffer_.resize(std::max(size, window_));
    auto n = read_at(fd_.get(), buffer_, at);
    buffer_.resize(n ? *n : 0);
    buffer_at_ = at;
    if (buffer_.size() < size) return {};
  }
  return std::string_view(buffer_).substr(at - buffer_at_, size);
}

std::string_view CacheFile::read_entry(uint64_t place, uint32_t uid_validity, uint32_t uid) {
  if (place == 0 || place > kMaxCacheFile || (!fd_.valid() && !open(false))) return {};
  EntryHead head;
  const std::string_view front = window(place - 1, sizeof head);
  if (front.empty()) return {};
  std::memcpy(&head, front.data(), sizeof head);
  if (head.magic != kEntryMagic || head.uid != uid || head.uid_validity != uid_validity) return {};
  if (std::max({head.envelope, head.body, head.body_structure}) > kMaxCacheEntry) return {};
  const std::string_view entry = window(place - 1, entry_size(head));
  if (entry.empty() || crc32(entry.substr(8)) != head.crc) return {};
  return entry;
}

bool split_cache_entry(std::string_view entry, CacheTexts& out) {
  EntryHead head;
  if (entry.size() < sizeof head) return false;
  std::memcpy(&head, entry.data(), sizeof head);
  if (entry.size() != entry_size(head)) return false;
  out.envelope = entry.substr(sizeof head, head.envelope);
  out.body = entry.substr(sizeof head + head.envelope, head.body);
  out.body_structure = entry.substr(sizeof head + head.envelope + head.body, head.body_structure);
  return true;
}

bool CacheFile::read(uint64_t place, uint32_t uid_validity, uint32_t uid, CacheTexts& out) {
  return split_cache_entry(read_entry(place, uid_validity, uid), out);
}

Result<uint64_t> CacheFile::append(std::string_view entries, int wait_ms) {
  const Error unable{ErrorKind::TryLater, "The cache cannot be written", "cache " + name_};
  if (!open(true)) return unable;
  auto lock = FileLock::take(fd_.get(), LockMode::Exclusive, Deadline::in_ms(wait_ms));
  if (!lock) return std::move(lock.error());
  auto st = stat_fd(fd_.get());
  if (!st) return std::move(st.error());
  const uint64_t at = padded(static_cast<uint64_t>(st->st_size));
  if (at + entries.size() > kMaxCacheFile) return unable;
  DMAIL_TRY(write_at(fd_.get(), entries, at));
  return at + 1;
}

}  // namespace dmail::store

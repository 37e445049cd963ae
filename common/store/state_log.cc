#include "store/state_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/crc32.h"
#include "base/text.h"
#include "io/file.h"
#include "store/index.h"

namespace dmail::store {

// The front of the file.  Batches follow: BatchHead, then its entries.
struct StateLogHeader {
  std::array<char, 8> magic{'d', 'm', 's', 't', 'a', 't', 'e', '1'};
  std::array<uint8_t, 16> boot{};
  uint64_t device = 0, inode = 0;  // of the mail file
  uint32_t reserved = 0;
  uint32_t crc = 0;  // of everything above

  [[nodiscard]] uint32_t sum() const {
    return crc32({reinterpret_cast<const char*>(this), offsetof(StateLogHeader, crc)});
  }
};

namespace {

constexpr uint64_t kSector = 512;

struct BatchHead {
  uint32_t size = 0;  // bytes of the entries
  uint32_t crc = 0;   // of them
};

// An entry: this, then `size` bytes that stood there and `size` bytes to be there.
struct EntryHead {
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t reserved = 0;
};

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename T>
bool take(std::string_view& rest, T& out) {
  if (rest.size() < sizeof out) return false;
  std::memcpy(&out, rest.data(), sizeof out);
  rest.remove_prefix(sizeof out);
  return true;
}

struct Entry {
  uint64_t offset;
  std::string_view before, bytes;
};

bool take_entry(std::string_view& rest, Entry& out) {
  EntryHead head;
  if (!take(rest, head) || head.size > StateLog::kMaxState || rest.size() < size_t{2} * head.size)
    return false;
  out = {head.offset, rest.substr(0, head.size), rest.substr(head.size, head.size)};
  rest.remove_prefix(size_t{2} * head.size);
  return true;
}

}  // namespace

void StateLog::add(uint64_t offset, std::string_view before, std::string_view bytes) {
  assert(before.size() == bytes.size());
  int parts = 0;
  while (!bytes.empty()) {
    // A crash may leave one sector old and the next one new: an entry never lies in both.
    const size_t size = std::min<uint64_t>({bytes.size(), kMaxState, kSector - offset % kSector});
    if (before.substr(0, size) != bytes.substr(0, size)) {
      const EntryHead head{offset, static_cast<uint32_t>(size), 0};
      batch_.append(bytes_of(head)).append(before.substr(0, size)).append(bytes.substr(0, size));
      ++count_;
      ++parts;
    }
    offset += size;
    before.remove_prefix(size);
    bytes.remove_prefix(size);
  }
  in_parts_ = in_parts_ || parts > 1;
}

void StateLog::forget() {
  batch_.clear();
  count_ = 0;
  in_parts_ = false;
}

Status StateLog::commit(bool direct) {
  const bool there = !path_.empty() && ::access(path_.c_str(), F_OK) == 0;
  bool logged = false;
  if ((!direct || in_parts_) && !path_.empty() && sync_enabled() &&
      (there || count_ >= kFrom || in_parts_) && batch_.size() <= kMaxSize) {
    // What the caller has written before is on the disk before state that refers to it counts.
    if (direct) DMAIL_TRY(sync_file(file_));
    // A log that cannot be written (a full disk) is no reason to refuse what needs no room.
    logged = count_ == 0 || append_batch().ok();
  }
  if (!logged && there) DMAIL_TRY(settle());
  DMAIL_TRY(apply());
  if (!logged) return sync_file(file_);
  return direct ? settle() : Status();
}

Status StateLog::apply() {
  std::string_view rest = batch_;
  Entry entry;
  while (take_entry(rest, entry)) DMAIL_TRY(write_at(file_, entry.bytes, entry.offset));
  forget();
  return {};
}

Result<StateLogHeader> StateLog::own_header() const {
  StateLogHeader header;
  auto st = stat_fd(file_);
  if (!st) return std::move(st.error());
  header.device = static_cast<uint64_t>(st->st_dev);
  header.inode = static_cast<uint64_t>(st->st_ino);
  header.boot = boot_id();
  header.crc = header.sum();
  return header;
}

Status StateLog::append_batch() {
  auto log = open_file(path_, O_RDWR | O_CREAT, 0600);
  if (!log) return std::move(log.error());
  auto st = stat_fd(log->get());
  if (!st) return std::move(st.error());
  auto size = static_cast<uint64_t>(st->st_size);
  if (size + batch_.size() > kMaxSize && size > 0) {
    DMAIL_TRY(settle());
    return append_batch();
  }
  std::string out;
  if (size == 0) {
    auto header = own_header();
    if (!header) return std::move(header.error());
    out.append(bytes_of(*header));
  }
  const BatchHead head{static_cast<uint32_t>(batch_.size()), crc32(batch_)};
  out.append(bytes_of(head)).append(batch_);
  Status done = write_at(log->get(), out, size);
  if (done) done = sync_file(log->get());
  if (done && size == 0) done = sync_parent(path_);
  return done;
}

Status StateLog::settle() {
  if (path_.empty()) return {};
  const OwnedFd log(::open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!log.valid()) return errno == ENOENT ? Status() : system_error(concat("open ", path_), errno);
  DMAIL_TRY(sync_file(file_));
  // Emptied before it goes: a name that a crash brings back must not bring old state back.
  DMAIL_TRY(truncate_to(log.get(), 0));
  DMAIL_TRY(sync_file(log.get()));
  if (::unlink(path_.c_str()) != 0) return system_error(concat("unlink ", path_), errno);
  return {};
}

bool StateLog::needs_recovery() const {
  if (path_.empty()) return false;
  const OwnedFd log(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!log.valid()) return false;
  StateLogHeader header;
  auto n = read_at(log.get(), {reinterpret_cast<char*>(&header), sizeof header}, 0);
  return !n || *n != sizeof header || header.crc != header.sum() || header.boot != boot_id();
}

Status StateLog::recover() {
  if (path_.empty() || ::access(path_.c_str(), F_OK) != 0) return {};
  auto log = read_file(path_, kMaxSize + 64 * 1024);
  if (!log && log.error().kind == ErrorKind::Limit) return settle();  // none of ours is so large
  if (!log) return std::move(log.error());
  std::string_view rest = *log;
  StateLogHeader header;
  auto own = own_header();
  if (!own) return std::move(own.error());
  if (take(rest, header) && header.crc == header.sum() && header.magic == own->magic &&
      header.device == own->device && header.inode == own->inode && header.boot != own->boot)
    DMAIL_TRY(follow(rest));
  return settle();
}

Status StateLog::follow(std::string_view rest) {
  BatchHead head;
  while (take(rest, head) && head.size <= rest.size()) {
    std::string_view batch = rest.substr(0, head.size);
    if (crc32(batch) != head.crc) break;  // the write of the last batch was cut short
    rest.remove_prefix(head.size);
    Entry entry;
    while (take_entry(batch, entry)) {
      char now[kMaxState];
      auto n = read_at(file_, {now, entry.before.size()}, entry.offset);
      if (!n) return std::move(n.error());
      if (std::string_view(now, *n) == entry.before)
        DMAIL_TRY(write_at(file_, entry.bytes, entry.offset));
    }
  }
  return {};
}

}  // namespace dmail::store

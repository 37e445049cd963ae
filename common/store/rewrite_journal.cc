#include "store/rewrite_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/crc32.h"
#include "io/file.h"
#include "store/cut_sample.h"

namespace dmail::store {
namespace {

constexpr char kMagic[8] = {'d', 'm', 'a', 'i', 'l', 'R', 'J', '1'};

std::string_view bytes_of(const JournalHeader& h, size_t size) {
  return {reinterpret_cast<const char*>(&h), size};
}

// Calls `each(bytes, offset)` for [from, to) of `fd` in chunks; a file that ends early is an error.
template <typename Each>
Status for_chunks(int fd, uint64_t from, uint64_t to, Each each) {
  auto buffer = std::make_unique_for_overwrite<char[]>(RewriteJournal::kChunk);
  while (from < to) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(RewriteJournal::kChunk, to - from));
    auto n = read_at(fd, {buffer.get(), want}, from);
    if (!n) return std::move(n.error());
    if (*n < want)
      return Error{ErrorKind::Corrupt, "The mailbox was cut short",
                   "file ends while it is rewritten"};
    DMAIL_TRY(each(std::string_view(buffer.get(), want), from));
    from += want;
  }
  return {};
}

// Room for [from, to) behind the end.  Without fallocate zeros are written, so that a full disk is
// met before anything is overwritten; `recover` knows half-way sizes.
Status extend(int file, uint64_t from, uint64_t to) {
  int r;
  do r = ::fallocate(file, 0, static_cast<off_t>(from), static_cast<off_t>(to - from));
  while (r != 0 && errno == EINTR);
  if (r == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return system_error("fallocate", errno);
  const std::string zeros(std::min<uint64_t>(to - from, RewriteJournal::kChunk), '\0');
  while (from < to) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(zeros.size(), to - from));
    DMAIL_TRY(write_at(file, std::string_view(zeros).substr(0, n), from));
    from += n;
  }
  return sync_file(file);
}

// Overwrites the tail from the journal; the file ends up with `final_size` bytes.
Status apply(int file, int journal, const JournalHeader& h, uint64_t final_size) {
  DMAIL_TRY(for_chunks(journal, RewriteJournal::kTailAt,
                       RewriteJournal::kTailAt + (h.new_size - h.start),
                       [&](std::string_view bytes, uint64_t at) {
                         return write_at(file, bytes, h.start + (at - RewriteJournal::kTailAt));
                       }));
  DMAIL_TRY(truncate_to(file, final_size));
  return sync_file(file);
}

// Fills `h`; false when header or tail is not whole.
Result<bool> read_journal(int journal, JournalHeader& h) {
  auto st = stat_fd(journal);
  if (!st) return std::move(st.error());
  auto n = read_at(journal, {reinterpret_cast<char*>(&h), sizeof h}, 0);
  if (!n) return std::move(n.error());
  if (*n != sizeof h || std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) return false;
  if (crc32(bytes_of(h, offsetof(JournalHeader, header_crc))) != h.header_crc) return false;
  if (h.new_size < h.start || h.old_size < h.start || h.before_size > sizeof h.before ||
      h.first_size > sizeof h.first || h.gap_size > RewriteJournal::kGapSample)
    return false;
  // Of an empty tail nothing is written: the journal ends with its header.
  const uint64_t tail = h.new_size - h.start;
  const uint64_t end = tail > 0 ? RewriteJournal::kTailAt + tail : sizeof h;
  if (static_cast<uint64_t>(st->st_size) < end) return false;
  uint32_t crc = 0;
  DMAIL_TRY(
      for_chunks(journal, RewriteJournal::kTailAt, end, [&](std::string_view bytes, uint64_t) {
        crc = crc32(bytes, crc);
        return Status();
      }));
  return crc == h.tail_crc;
}

// Whether the mail file can be what a crash left: the bytes before the tail are the old ones, and
// the first bytes of the tail are the old or the new ones.
Result<bool> is_same_file(int file, int journal, const JournalHeader& h, uint64_t size) {
  char now[64], fresh[64];
  if (size < std::min(h.old_size, h.new_size)) return false;
  auto n = read_at(file, {now, h.before_size}, h.start - h.before_size);
  if (!n) return std::move(n.error());
  if (*n != h.before_size || std::memcmp(now, h.before, h.before_size) != 0) return false;
  const size_t both = static_cast<size_t>(std::min<uint64_t>(h.first_size, h.new_size - h.start));
  n = read_at(file, {now, both}, h.start);
  if (!n) return std::move(n.error());
  auto m = read_at(journal, {fresh, both}, RewriteJournal::kTailAt);
  if (!m) return std::move(m.error());
  if (*n != both || *m != both) return false;
  for (size_t i = 0; i < both; ++i)
    if (now[i] != h.first[i] && now[i] != fresh[i]) return false;
  return true;
}

// Where bytes appended by others begin in a file that was to grow: the region behind the old end
// holds zeros and bytes of the new tail unless the crash came before the file was extended.
Result<uint64_t> appended_when_growing(int file, int journal, const JournalHeader& h,
                                       uint64_t size) {
  const uint64_t to = std::min(size, h.new_size);
  bool strange = false;
  uint64_t first_byte = to;
  DMAIL_TRY(for_chunks(file, h.old_size, to, [&](std::string_view bytes, uint64_t at) -> Status {
    std::string fresh(bytes.size(), '\0');
    auto n = read_at(journal, fresh, RewriteJournal::kTailAt + (at - h.start));
    if (!n) return std::move(n.error());
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == 0) continue;
      first_byte = std::min(first_byte, at + i);
      strange = strange || bytes[i] != fresh[i];
    }
    return {};
  }));
  if (strange) return first_byte;
  return size >= h.new_size ? h.new_size : size;
}

// Likewise for a file that was to shrink: whether the last step, cutting it, was reached.
Result<uint64_t> appended_when_shrinking(int file, const JournalHeader& h, uint64_t size) {
  if (size < h.old_size) return h.new_size;
  auto behind = cut_sample(file, h.new_size, h.new_size + h.gap_size);
  if (!behind) return std::move(behind.error());
  return behind->crc == h.gap_crc || behind->sector_of_zeros ? h.old_size : h.new_size;
}

}  // namespace

Status discard_journal(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("unlink " + path, errno);
  return sync_parent(path);
}

Status set_journal_aside(const std::string& path) {
  const std::string aside = path + ".unused";
  if (::rename(path.c_str(), aside.c_str()) != 0) return system_error("rename " + path, errno);
  return sync_parent(path);
}

RewriteJournal::~RewriteJournal() {
  if (!created_.empty()) ::unlink(created_.c_str());
}

bool RewriteJournal::exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Status RewriteJournal::create(const std::string& path, int flags) {
  auto fd = open_file(path, O_RDWR | O_CREAT | flags, 0600);
  if (!fd) return std::move(fd.error());
  journal_ = std::move(*fd);
  created_ = path;
  return {};
}

Status RewriteJournal::begin(uint64_t start) {
  auto st = stat_fd(file_);
  if (!st) return std::move(st.error());
  std::memcpy(header_.magic, kMagic, sizeof kMagic);
  header_.start = header_.new_size = start;
  header_.old_size = static_cast<uint64_t>(st->st_size);
  assert(start <= header_.old_size);
  // O_EXCL: a journal that is there belongs to a crash, and must be recovered, not overwritten.
  return create(path_, O_EXCL);
}

Status RewriteJournal::write(std::string_view bytes) {
  header_.new_size += bytes.size();
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kChunk - buffer_.size());
    buffer_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (buffer_.size() == kChunk) DMAIL_TRY(flush());
  }
  return {};
}

Status RewriteJournal::flush() {
  DMAIL_TRY(write_at(journal_.get(), buffer_, kTailAt + flushed_));
  crc_ = crc32(buffer_, crc_);
  flushed_ += buffer_.size();
  buffer_.clear();
  return {};
}

Status RewriteJournal::copy(uint64_t offset, uint64_t length) {
  return for_chunks(file_, offset, offset + length,
                    [&](std::string_view bytes, uint64_t) { return write(bytes); });
}

Status RewriteJournal::sample() {
  JournalHeader& h = header_;
  h.before_size = static_cast<uint32_t>(std::min<uint64_t>(sizeof h.before, h.start));
  h.first_size = static_cast<uint32_t>(std::min<uint64_t>(sizeof h.first, h.old_size - h.start));
  DMAIL_TRY(for_chunks(file_, h.start - h.before_size, h.start, [&](std::string_view b, uint64_t) {
    std::memcpy(h.before, b.data(), b.size());
    return Status();
  }));
  return for_chunks(file_, h.start, h.start + h.first_size, [&](std::string_view b, uint64_t) {
    std::memcpy(h.first, b.data(), b.size());
    return Status();
  });
}

// Writes the header: from here on the journal is valid once it is on disk.
Status RewriteJournal::seal() {
  JournalHeader& h = header_;
  DMAIL_TRY(flush());
  h.gap_size = h.new_size < h.old_size ? std::min(kGapSample, h.old_size - h.new_size) : 0;
  h.gap_crc = 0;
  DMAIL_TRY(
      for_chunks(file_, h.new_size, h.new_size + h.gap_size, [&](std::string_view b, uint64_t) {
        h.gap_crc = crc32(b, h.gap_crc);
        return Status();
      }));
  h.tail_crc = crc_;
  h.header_crc = crc32(bytes_of(h, offsetof(JournalHeader, header_crc)));
  DMAIL_TRY(write_at(journal_.get(), bytes_of(h, sizeof h), 0));
  return sync_file(journal_.get());
}

Status RewriteJournal::commit() {
  DMAIL_TRY(sample());
  DMAIL_TRY(seal());
  DMAIL_TRY(sync_parent(path_));
  changing_ = true;
  if (header_.new_size > header_.old_size) {
    Status room = extend(file_, header_.old_size, header_.new_size);
    if (!room) {
      // Nothing is overwritten yet: back to where we began; the destructor removes the journal.
      if (truncate_to(file_, header_.old_size))
        changing_ = false;
      else
        created_.clear();  // `recover` cuts it
      return room;
    }
  }
  created_.clear();
  DMAIL_TRY(apply(file_, journal_.get(), header_, header_.new_size));
  return discard_journal(path_);
}

// A journal like `old` whose new tail ends with the bytes [appended, size) of the mail file,
// renamed over the old one.
Status RewriteJournal::amend(const JournalHeader& old, int old_journal, uint64_t appended,
                             uint64_t size) {
  header_ = old;
  header_.old_size = size;
  header_.new_size = header_.start;
  header_.forward_only = 1;
  const std::string fresh = path_ + ".new";
  DMAIL_TRY(create(fresh, O_TRUNC));
  DMAIL_TRY(for_chunks(old_journal, kTailAt, kTailAt + (old.new_size - old.start),
                       [&](std::string_view bytes, uint64_t) { return write(bytes); }));
  DMAIL_TRY(copy(appended, size - appended));
  DMAIL_TRY(seal());
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return system_error("rename " + fresh, errno);
  created_.clear();
  return sync_parent(path_);
}

Status RewriteJournal::recover(int file, const std::string& path) {
  auto journal = open_file(path, O_RDONLY);
  if (!journal)
    return journal.error().kind == ErrorKind::NotFound ? Status()
                                                       : Status(std::move(journal.error()));
  JournalHeader h{};
  auto valid = read_journal(journal->get(), h);
  if (!valid) return std::move(valid.error());
  if (!*valid) return discard_journal(path);
  auto st = stat_fd(file);
  if (!st) return std::move(st.error());
  const uint64_t size = static_cast<uint64_t>(st->st_size);
  auto same = is_same_file(file, journal->get(), h, size);
  if (!same) return std::move(same.error());
  if (!*same) return set_journal_aside(path);

  const bool grows = h.new_size > h.old_size;
  auto appended = grows                      ? appended_when_growing(file, journal->get(), h, size)
                  : h.new_size == h.old_size ? Result<uint64_t>(h.new_size)
                                             : appended_when_shrinking(file, h, size);
  if (!appended) return std::move(appended.error());
  // Bytes of others that stand at the new end already stay there; elsewhere they have to move.
  if (*appended == h.new_size) {
    DMAIL_TRY(apply(file, journal->get(), h, size));
    return discard_journal(path);
  }
  if (grows && !h.forward_only && (*appended == size || *appended == h.old_size)) {
    // Not even extended, so nothing is overwritten: back to the old file, which needs no room.
    if (*appended == size) DMAIL_TRY(truncate_to(file, h.old_size));
    DMAIL_TRY(sync_file(file));
    return discard_journal(path);
  }
  if (*appended < size) {
    RewriteJournal amended(file, path);
    DMAIL_TRY(amended.amend(h, journal->get(), *appended, size));
    return recover(file, path);
  }
  if (grows) DMAIL_TRY(extend(file, size, h.new_size));
  DMAIL_TRY(apply(file, journal->get(), h, h.new_size));
  return discard_journal(path);
}

}  // namespace dmail::store

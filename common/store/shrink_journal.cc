#include "store/shrink_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "base/crc32.h"
#include "io/file.h"
#include "store/cut_sample.h"
#include "store/rewrite_journal.h"

namespace dmail::store {
namespace {

constexpr char kMagic[8] = {'d', 'm', 'a', 'i', 'l', 'S', 'H', '1'};
constexpr uint64_t kSlotAt[2] = {256, 384};
constexpr uint64_t kPiecesAt = 512;
constexpr size_t kChunk = 256 * 1024;
constexpr uint64_t kSource = 64;          // sampled bytes of what is to be moved next
constexpr uint64_t kGapSample = 1 << 20;  // and of what is to be cut off
constexpr uint32_t kMoving = 1, kCutting = 2;

template <typename T>
std::string_view bytes_of(const T& value, size_t size = sizeof(T)) {
  return {reinterpret_cast<const char*>(&value), size};
}

std::string_view bytes_of(std::span<const ShrinkJournal::Piece> pieces) {
  return {reinterpret_cast<const char*>(pieces.data()), pieces.size_bytes()};
}

Error cut_short() {
  return Error{ErrorKind::Corrupt, "The mailbox was cut short",
               "file ends while it is made shorter"};
}

Status read_all(int fd, std::span<char> into, uint64_t at) {
  auto n = read_at(fd, into, at);
  if (!n) return std::move(n.error());
  return *n == into.size() ? Status() : Status(cut_short());
}

}  // namespace

uint32_t ShrinkJournal::crc_of(const Header& h, std::span<const Piece> pieces) {
  return crc32(bytes_of(pieces), crc32(bytes_of(h, offsetof(Header, crc))));
}

// Where the byte comes from that goes to `out`; `left`: so many follow it from there.
uint64_t ShrinkJournal::source_of(uint64_t out, uint64_t& left) const {
  uint64_t at = header_.start;
  for (const Piece& piece : pieces_) {
    const uint64_t size = piece.to - piece.from;
    if (out < at + size) {
      left = at + size - out;
      return piece.from + (out - at);
    }
    at += size;
  }
  left = 0;
  return header_.old_size;
}

uint64_t ShrinkJournal::steps() const {
  uint64_t out = header_.start, count = 0;
  for (const Piece& piece : pieces_) {
    const uint64_t size = piece.to - piece.from;
    const uint64_t chunk = std::min<uint64_t>(piece.from - out, kChunk);
    count += (size + chunk - 1) / chunk;
    out += size;
  }
  return count;
}

Result<CutSample> ShrinkJournal::sample(uint32_t phase) const {
  if (phase == kCutting)
    return cut_sample(file_, header_.new_size,
                      std::min(header_.old_size, header_.new_size + kGapSample));
  uint64_t left = 0;
  const uint64_t from = source_of(slot_.written, left);
  return cut_sample(file_, from, from + std::min(left, kSource));
}

Status ShrinkJournal::put_slot(uint32_t phase) {
  slot_.phase = phase;
  auto now = sample(phase);
  if (!now) return std::move(now.error());
  slot_.sample = now->crc;
  slot_.crc = crc32(bytes_of(slot_, offsetof(Slot, crc)));
  DMAIL_TRY(write_at(journal_.get(), bytes_of(slot_), kSlotAt[turn_]));
  turn_ = 1 - turn_;
  return sync_file(journal_.get());
}

Status ShrinkJournal::sample_before() {
  Header& h = header_;
  h.before_size = static_cast<uint32_t>(std::min<uint64_t>(sizeof h.before, h.start));
  return read_all(file_, {h.before, h.before_size}, h.start - h.before_size);
}

// Header, slot and pieces in one file that is on disk, but for its name.
Status ShrinkJournal::create(const std::string& path) {
  header_.pieces = static_cast<uint32_t>(pieces_.size());
  header_.crc = crc_of(header_, pieces_);
  auto fd = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!fd) return std::move(fd.error());
  journal_ = std::move(*fd);
  // The pieces first: they may not fit, and without a header they are nothing.
  Status done = write_at(journal_.get(), bytes_of(std::span<const Piece>(pieces_)), kPiecesAt);
  turn_ = 0;
  if (done) done = put_slot(kMoving);
  if (done) done = write_at(journal_.get(), bytes_of(header_), 0);
  if (done) done = sync_file(journal_.get());
  if (!done) ::unlink(path.c_str());
  return done;
}

Status ShrinkJournal::shrink(int file, const std::string& path, uint64_t start,
                             std::span<const Piece> kept) {
  ShrinkJournal j(file, path);
  auto st = stat_fd(file);
  if (!st) return std::move(st.error());
  std::memcpy(j.header_.magic, kMagic, sizeof kMagic);
  j.header_.start = j.header_.new_size = start;
  j.header_.old_size = static_cast<uint64_t>(st->st_size);
  j.pieces_.assign(kept.begin(), kept.end());
  for (const Piece& piece : kept) j.header_.new_size += piece.to - piece.from;
  if (kept.size() > kMaxPieces || j.steps() > kMaxSteps)
    return Error{ErrorKind::Limit, "The disk is full", "too many steps to make the file shorter"};
  j.slot_.written = start;
  DMAIL_TRY(j.sample_before());
  DMAIL_TRY(j.create(path));
  if (Status named = sync_parent(path); !named) {
    ::unlink(path.c_str());
    return named;
  }
  return j.run();
}

Status ShrinkJournal::run() {
  if (slot_.phase == kMoving) {
    DMAIL_TRY(move_all());
    DMAIL_TRY(put_slot(kCutting));
  }
  return cut();
}

Status ShrinkJournal::move_all() {
  std::string bytes;
  while (slot_.written < header_.new_size) {
    uint64_t left = 0;
    const uint64_t from = source_of(slot_.written, left);
    const uint64_t size = std::min({left, from - slot_.written, uint64_t{kChunk}});
    bytes.resize(static_cast<size_t>(size));
    DMAIL_TRY(read_all(file_, bytes, from));
    DMAIL_TRY(write_at(file_, bytes, slot_.written));
    DMAIL_TRY(sync_file(file_));
    slot_.written += size;
    DMAIL_TRY(put_slot(kMoving));
  }
  return {};
}

Status ShrinkJournal::cut() {
  DMAIL_TRY(truncate_to(file_, header_.new_size));
  DMAIL_TRY(sync_file(file_));
  return discard_journal(path_);
}

// Fills header, pieces and slot; false when they are not whole: nothing was moved yet.
Result<bool> ShrinkJournal::load() {
  auto n = read_at(journal_.get(), {reinterpret_cast<char*>(&header_), sizeof header_}, 0);
  if (!n) return std::move(n.error());
  if (*n != sizeof header_ || header_.pieces > kMaxPieces ||
      header_.before_size > sizeof header_.before || header_.before_size > header_.start)
    return false;
  pieces_.resize(header_.pieces);
  const std::span<char> room(reinterpret_cast<char*>(pieces_.data()),
                             pieces_.size() * sizeof(Piece));
  n = read_at(journal_.get(), room, kPiecesAt);
  if (!n) return std::move(n.error());
  if (*n != room.size() || crc_of(header_, pieces_) != header_.crc) return false;
  bool found = false;
  for (unsigned i = 0; i < 2; ++i) {
    Slot slot{};
    n = read_at(journal_.get(), {reinterpret_cast<char*>(&slot), sizeof slot}, kSlotAt[i]);
    if (!n) return std::move(n.error());
    if (*n != sizeof slot || slot.crc != crc32(bytes_of(slot, offsetof(Slot, crc)))) continue;
    if (found && (slot.phase < slot_.phase || slot.written < slot_.written)) continue;
    slot_ = slot;
    turn_ = 1 - i;
    found = true;
  }
  return found;
}

// A journal that also has what others appended behind the old end, renamed over this one.
Status ShrinkJournal::amend(uint64_t size) {
  pieces_.push_back({header_.old_size, size});
  header_.new_size += size - header_.old_size;
  header_.old_size = size;
  const std::string fresh = path_ + ".new";
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT)
    return system_error("unlink " + fresh, errno);
  DMAIL_TRY(create(fresh));
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return system_error("rename " + fresh, errno);
  return sync_parent(path_);
}

Status ShrinkJournal::recover(int file, const std::string& path) {
  auto fd = open_file(path, O_RDWR);
  if (!fd) return fd.error().kind == ErrorKind::NotFound ? Status() : Status(std::move(fd.error()));
  char magic[sizeof kMagic];
  auto n = read_at(fd->get(), magic, 0);
  if (!n) return std::move(n.error());
  if (*n != sizeof magic || std::memcmp(magic, kMagic, sizeof magic) != 0) return {};
  ShrinkJournal j(file, path);
  j.journal_ = std::move(*fd);
  auto whole = j.load();
  if (!whole) return std::move(whole.error());
  if (!*whole) return discard_journal(path);

  auto st = stat_fd(file);
  if (!st) return std::move(st.error());
  const uint64_t size = static_cast<uint64_t>(st->st_size);
  const bool cutting = j.slot_.phase == kCutting;
  if (size < (cutting ? j.header_.new_size : j.header_.old_size)) return set_journal_aside(path);
  char before[sizeof j.header_.before];
  DMAIL_TRY(
      read_all(file, {before, j.header_.before_size}, j.header_.start - j.header_.before_size));
  if (std::memcmp(before, j.header_.before, j.header_.before_size) != 0)
    return set_journal_aside(path);
  // Cut already, with or without mail behind it that others have brought since.
  if (size < j.header_.old_size) return discard_journal(path);
  auto now = j.sample(j.slot_.phase);
  if (!now) return std::move(now.error());
  if (now->crc != j.slot_.sample && !(cutting && now->sector_of_zeros))
    return cutting ? discard_journal(path) : set_journal_aside(path);
  if (size > j.header_.old_size) DMAIL_TRY(j.amend(size));
  return j.run();
}

}  // namespace dmail::store

#include "store/message_text.h"

#include <algorithm>

#include "io/connection_over.h"
#include "io/file.h"
#include "store/mailbox.h"

namespace dmail::store {
namespace {

constexpr int kTries = 6;
constexpr size_t kSmall = 64 * 1024;       // messages below share a window
constexpr uint64_t kStreamFrom = 1 << 20;  // larger ones are sent without being held whole

Error vanished(const Box& box) {
  return Error{ErrorKind::Corrupt, "The message cannot be read from the mailbox",
               box.place().path + " changes under its index"};
}

}  // namespace

void MessageText::release_memory() {
  std::string().swap(buffer_);
  buffer_layout_ = 1;
  window_ = kFirstWindow;
}

// Runs `use` on a record whose offset is right for as long as `use` reads.
Status MessageText::stable(const Locate& locate, const std::function<Status(const Record&)>& use) {
  Status last = vanished(*box_);
  for (int i = 0; i < kTries; ++i) {
    if (!box_->index() || box_->index()->superseded()) DMAIL_TRY(box_->refresh());
    const std::shared_ptr<Index> index = box_->index();
    const uint32_t layout = index->layout();
    const auto header = index->header();
    auto now = box_->identity();
    const bool calm = layout % 2 == 0 && header && now && now->size == header->file.size &&
                      now->mtime_ns == header->file.mtime_ns;
    FileLock lock;
    if (!calm) {
      auto taken = box_->lock_shared();
      if (!taken) return std::move(taken.error());
      lock = std::move(*taken);
      buffer_layout_ = 1;
      const auto settled = index->header();
      auto still = box_->identity();
      if (!still) return std::move(still.error());
      if (!settled || settled->dirty != 0 || settled->layout % 2 != 0 || settled->file != *still) {
        lock.release();
        // A crash, or another program changed the file: the text may be another one.
        DMAIL_TRY(box_->refresh());
        continue;
      }
    }
    Record r;
    DMAIL_TRY(locate(r));  // Corrupt: the caller makes the index again
    if (lock.held() && !box_->file().verify(r)) {
      lock.release();
      last = vanished(*box_);
      DMAIL_TRY(box_->refresh());
      if (i > 1) box_->distrust();
      continue;
    }
    Status used = use(r);
    const bool moved = index->layout() != layout && !lock.held();
    if (used && !moved) return used;
    buffer_layout_ = 1;
    if (!used) last = std::move(used);
    if (!moved) {
      if (last.error().kind != ErrorKind::Corrupt && last.error().kind != ErrorKind::Io)
        return last;
      lock.release();
      DMAIL_TRY(box_->refresh());
    }
  }
  return last;
}

Result<std::string_view> MessageText::take_mbx(const Record& r, uint64_t want) {
  const uint64_t at = r.offset + r.prefix_size;
  const auto length = static_cast<size_t>(std::min(want, r.raw_size));
  const auto h = box_->index()->header();
  const bool inside = h && buffer_layout_ % 2 == 0 && buffer_layout_ == h->layout &&
                      buffer_generation_ == h->generation && at >= buffer_at_ &&
                      at + length <= buffer_at_ + buffer_.size();
  if (!inside) {
    const bool walking =
        r.offset >= next_offset_ && r.offset - next_offset_ < kWindow && r.raw_size < kSmall;
    // Bytes behind the last whole message are a torn append, and will be written over.
    const uint64_t whole = h && h->end_offset > at ? h->end_offset - at : 0;
    // A walk reads ahead, the further the longer it goes on.
    window_ = walking ? std::min(window_ * 2, kWindow) : kFirstWindow;
    const size_t size =
        walking ? std::max<size_t>(length, std::min<uint64_t>(window_, whole)) : length;
    if (buffer_.capacity() > kKeep && size <= kKeep) std::string().swap(buffer_);
    buffer_.resize(size);
    buffer_layout_ = 1;
    auto n = read_at(box_->fd(), buffer_, at);
    if (!n) return std::move(n.error());
    buffer_.resize(*n);
    buffer_at_ = at;
    if (*n < length) return vanished(*box_);
    buffer_generation_ = h ? h->generation : 0;
    buffer_layout_ = h ? h->layout : 1;
  }
  next_offset_ = at + r.raw_size;
  return std::string_view(buffer_).substr(at - buffer_at_, length);
}

Result<std::string_view> MessageText::take_converted(const Record& r, uint64_t want) {
  const auto length = static_cast<size_t>(std::min(want, r.size));
  if (buffer_.capacity() > kKeep && length <= kKeep) std::string().swap(buffer_);
  buffer_.clear();
  TextReader reader(box_->fd(), r);
  while (buffer_.size() < length) {
    auto piece = reader.next();
    if (!piece) return piece;
    if (piece->empty()) return vanished(*box_);
    buffer_.append(piece->substr(0, length - buffer_.size()));
  }
  return std::string_view(buffer_);
}

Result<std::string_view> MessageText::take(const Record& r, uint64_t want) {
  const auto h = box_->index()->header();
  if (!h || r.offset > h->file.size || r.prefix_size > h->file.size - r.offset ||
      r.raw_size > h->file.size - r.offset - r.prefix_size)
    return vanished(*box_);
  if (std::min(want, r.size) > kWholeLimit)
    return Error{ErrorKind::Limit, "The message is too large for this", ""};
  return box_->is_mbx() ? take_mbx(r, want) : take_converted(r, want);
}

Result<std::string_view> MessageText::read(const Locate& locate, size_t want) {
  // A walk through an mbx file is served from the window, which was right when it was read.
  if (box_->is_mbx() && buffer_layout_ % 2 == 0 && box_->index() && !box_->index()->superseded() &&
      box_->index()->layout() == buffer_layout_) {
    Record r;
    const auto h = box_->index()->header();
    if (h && h->generation == buffer_generation_ && locate(r) &&
        box_->index()->layout() == buffer_layout_) {
      const uint64_t at = r.offset + r.prefix_size;
      const uint64_t length = std::min<uint64_t>(want, r.raw_size);
      if (at >= buffer_at_ && at + length <= buffer_at_ + buffer_.size()) return take_mbx(r, want);
    }
  }
  std::string_view text;
  DMAIL_TRY(stable(locate, [&](const Record& r) -> Status {
    auto taken = take(r, want);
    if (!taken) return std::move(taken.error());
    text = *taken;
    return {};
  }));
  return text;
}

Result<std::string_view> MessageText::read_header(const Locate& locate) {
  Record r;
  DMAIL_TRY(locate(r));
  return read(locate, r.header_size);
}

Status MessageText::send(const Locate& locate, uint64_t offset, uint64_t length, ByteSink& sink) {
  Record first;
  DMAIL_TRY(locate(first));
  if (offset > first.size || length > first.size - offset)
    return Error{ErrorKind::BadInput, "That is beyond the end of the message", ""};
  if (length == 0) return {};
  if (first.size <= kStreamFrom) {
    auto text = read(locate, static_cast<size_t>(offset + length));
    if (!text) return std::move(text.error());
    if (text->size() != offset + length) return vanished(*box_);
    sink.write(text->substr(static_cast<size_t>(offset)));
    return {};
  }
  // Piece by piece; between pieces the message may move.  The check comes with the first piece.
  uint64_t sent = 0;
  while (sent < length) {
    std::string piece;
    Status read = stable(locate, [&](const Record& r) -> Status {
      TextReader reader(box_->fd(), r);
      DMAIL_TRY(reader.seek(offset + sent));
      piece.clear();
      const uint64_t want = std::min<uint64_t>(length - sent, kWindow);
      while (piece.size() < want) {
        auto part = reader.next();
        if (!part) return std::move(part.error());
        if (part->empty()) return vanished(*box_);
        piece.append(part->substr(0, static_cast<size_t>(want) - piece.size()));
      }
      return {};
    });
    if (!read && sent == 0) return read;
    if (!read)
      throw ConnectionOver(ConnectionOver::Why::WriteFailed,
                           "message lost while it was sent: " + read.error().log);
    sink.write(piece);
    sent += piece.size();
  }
  return {};
}

}  // namespace dmail::store

#include "store/appender.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"

namespace dmail::store {
namespace {

class MemoryText : public TextSource {
 public:
  explicit MemoryText(std::string_view text) : text_(text) {}
  [[nodiscard]] uint64_t size() const override { return text_.size(); }
  Result<std::string_view> next() override {
    return std::exchange(given_, true) ? std::string_view() : text_;
  }

 private:
  std::string_view text_;
  bool given_ = false;
};

class SpooledText : public TextSource {
 public:
  SpooledText(int fd, uint64_t offset, uint64_t size) : fd_(fd), offset_(offset), size_(size) {}
  [[nodiscard]] uint64_t size() const override { return size_; }
  Result<std::string_view> next() override {
    buffer_.resize(static_cast<size_t>(std::min<uint64_t>(256 * 1024, size_ - given_)));
    auto n = read_at(fd_, buffer_, offset_ + given_);
    if (!n) return std::move(n.error());
    if (*n != buffer_.size())
      return Error{ErrorKind::Io, "The message could not be kept", "spool file cut short"};
    given_ += *n;
    if (given_ == size_ && buffer_.empty()) std::string().swap(buffer_);
    return std::string_view(buffer_);
  }

 private:
  int fd_;
  uint64_t offset_, size_, given_ = 0;
  std::string buffer_;
};

Result<OwnedFd> unlinked_file(int directory) {
  const int fd = ::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return OwnedFd(fd);
  const std::string name = concat("spool.", ::getpid());
  (void)::unlinkat(directory, name.c_str(), 0);
  auto file = open_file_at(directory, name, O_RDWR | O_CREAT | O_EXCL);
  (void)::unlinkat(directory, name.c_str(), 0);
  return file;
}

}  // namespace

Status BoxAppender::begin(Meta meta) {
  assert(!open_);
  if (items_.size() >= kMaxMessages)
    return Error{ErrorKind::Limit, "Too many messages at once", ""};
  items_.emplace_back();
  items_.back().meta = std::move(meta);
  open_ = true;
  last_ = 0;
  return {};
}

Status BoxAppender::spill(Item& item) {
  if (!spool_.valid()) {
    auto fd = unlinked_file(store_->context().index.get());
    if (!fd) return std::move(fd.error());
    spool_ = std::move(*fd);
  }
  if (!item.spilled) item.offset = spool_size_;
  item.spilled = true;
  DMAIL_TRY(write_at(spool_.get(), item.bytes, spool_size_));
  spool_size_ += item.bytes.size();
  in_memory_ -= item.bytes.size();
  item.bytes.clear();
  return {};
}

Status BoxAppender::take(std::string_view bytes) {
  Item& item = items_.back();
  item.bytes.append(bytes);
  item.size += bytes.size();
  in_memory_ += bytes.size();
  const size_t limit = item.spilled ? 256 * 1024 : kInMemory;
  if (item.bytes.size() > limit || in_memory_ > kAllInMemory) return spill(item);
  return {};
}

Status BoxAppender::write(std::string_view bytes) {
  assert(open_);
  while (!bytes.empty()) {
    // Runs that are right already go in whole.
    size_t at = 0;
    for (;;) {
      const void* lf = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
      if (lf == nullptr) break;
      const auto place = static_cast<size_t>(static_cast<const char*>(lf) - bytes.data());
      const char before = place > 0 ? bytes[place - 1] : last_;
      if (before != '\r') {
        DMAIL_TRY(take(bytes.substr(0, place)));
        DMAIL_TRY(take("\r\n"));
        last_ = '\n';
        bytes.remove_prefix(place + 1);
        at = 0;
        if (bytes.empty()) return {};
        continue;
      }
      at = place + 1;
      if (at == bytes.size()) break;
    }
    DMAIL_TRY(take(bytes));
    last_ = bytes.back();
    return {};
  }
  return {};
}

Status BoxAppender::end() {
  assert(open_);
  open_ = false;
  Item& item = items_.back();
  if (item.spilled && !item.bytes.empty()) return spill(item);
  return {};
}

Result<Appender::Done> BoxAppender::commit() {
  assert(!open_);
  Done done;
  if (items_.empty()) return done;
  DMAIL_TRY(store_->know_quota());
  auto held = box_->lock();
  if (!held) return std::move(held.error());
  const int64_t now = wall_seconds();
  std::vector<std::unique_ptr<TextSource>> texts;
  std::vector<Arrival> arrivals;
  arrivals.reserve(items_.size());
  for (Item& item : items_) {
    if (item.spilled)
      texts.push_back(std::make_unique<SpooledText>(spool_.get(), item.offset, item.size));
    else
      texts.push_back(std::make_unique<MemoryText>(item.bytes));
    Arrival a;
    a.message.text = texts.back().get();
    a.message.flags = item.meta.flags & kSystemFlags;
    a.message.internal_date = item.meta.internal_date.value_or(now);
    a.message.zone_minutes =
        item.meta.internal_date ? item.meta.zone_minutes : local_zone_minutes(now);
    a.message.envelope_sender = item.meta.envelope_sender;
    a.keywords = item.meta.keywords;
    a.save_date = now;
    if (!item.spilled) a.whole = item.bytes;
    arrivals.push_back(std::move(a));
  }
  std::vector<Record> stored;
  DMAIL_TRY(box_->append(*held, arrivals, stored));
  done.uid_validity = held->header.uid_validity;
  for (const Record& r : stored) done.uids.add(r.uid);
  stored_ = true;
  items_.clear();
  in_memory_ = 0;
  return done;
}

}  // namespace dmail::store

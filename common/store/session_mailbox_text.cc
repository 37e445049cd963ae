// SessionMailbox: message texts, and what the cache holds of them.
#include <algorithm>

#include "store/session_mailbox.h"

namespace dmail::store {
namespace {

constexpr size_t kFlushAt = 256 * 1024;
constexpr uint32_t kNone = 0;

}  // namespace

Result<std::string_view> SessionMailbox::header(uint32_t number) {
  return mended([&] { return text_.read_header([&](Record& r) { return locate(number, r); }); });
}

Result<std::string_view> SessionMailbox::text(uint32_t number) {
  return mended([&] { return text_.read([&](Record& r) { return locate(number, r); }); });
}

Status SessionMailbox::send(uint32_t number, uint64_t offset, uint64_t length, ByteSink& sink) {
  return mended([&] {
    return text_.send([&](Record& r) { return locate(number, r); }, offset, length, sink);
  });
}

Result<CacheTexts> SessionMailbox::texts(uint32_t number) {
  return mended([&] { return texts_once(number); });
}

Result<CacheTexts> SessionMailbox::texts_once(uint32_t number) {
  Record r;
  uint32_t live = 0;
  DMAIL_TRY(locate(number, r, &live));
  CacheTexts out;
  if (r.cache != 0 && box_->cache().read(r.cache, uid_validity_, r.uid, out)) return out;
  if (entry_uid_ == kNone || entry_uid_ != r.uid) {
    auto whole = text(number);
    if (!whole) return std::move(whole.error());
    entry_.clear();
    make_cache_entry(entry_, uid_validity_, r.uid, *whole);
    entry_uid_ = r.uid;
    if (entry_.size() <= kMaxCacheEntry && view_ == box_->index()) {
      new_places_.emplace_back(live, new_entries_.size());
      new_entries_ += entry_;
      made_ += entry_.size();
      if (new_entries_.size() >= kFlushAt) flush_cache();
    }
  }
  if (!split_cache_entry(entry_, out))
    return Error{ErrorKind::Corrupt, "The message cannot be described", path() + ": cache entry"};
  return out;
}

void SessionMailbox::flush_cache() {
  if (new_places_.empty()) return;
  auto first = box_->cache().append(new_entries_, 0);
  if (first && view_ && !view_->superseded())
    for (const auto& [at, offset] : new_places_)
      if (!view_->write_cache_place(at, *first + offset)) break;  // made again when asked for
  decltype(new_places_)().swap(new_places_);
  std::string().swap(new_entries_);
}

Result<std::string_view> SessionMailbox::envelope(uint32_t number) {
  auto t = texts(number);
  if (!t) return std::move(t.error());
  return t->envelope;
}

Result<std::string_view> SessionMailbox::body(uint32_t number) {
  auto t = texts(number);
  if (!t) return std::move(t.error());
  return t->body;
}

Result<std::string_view> SessionMailbox::body_structure(uint32_t number) {
  auto t = texts(number);
  if (!t) return std::move(t.error());
  return t->body_structure;
}

}  // namespace dmail::store

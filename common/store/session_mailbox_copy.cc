// SessionMailbox: COPY and MOVE into another (or the same) mailbox.
#include <algorithm>

#include "io/clock.h"
#include "store/file_store.h"
#include "store/session_mailbox.h"

namespace dmail::store {
namespace {

constexpr int kTries = 5;

// A message of the source, read only when its turn comes, so that many cost no more than one.
class LazyText : public TextSource {
 public:
  LazyText(int fd, const Record& record) : fd_(fd), record_(record) {}
  [[nodiscard]] uint64_t size() const override { return record_.size; }
  Result<std::string_view> next() override {
    if (!reader_) reader_ = std::make_unique<TextReader>(fd_, record_);
    auto piece = reader_->next();
    if (piece && piece->empty()) reader_.reset();
    return piece;
  }

 private:
  int fd_;
  Record record_;
  std::unique_ptr<TextReader> reader_;
};

Error dead_message() {
  return Error{ErrorKind::NotFound, "Some of the messages were expunged", ""};
}

}  // namespace

Result<CopyOutcome> SessionMailbox::copy(const UidSet& numbers, Store& store,
                                         std::string_view target) {
  return transfer(numbers, store, target, Transfer::Copy);
}

Result<CopyOutcome> SessionMailbox::move(const UidSet& numbers, Store& store,
                                         std::string_view target) {
  if (read_only_) return Error{ErrorKind::NoPermission, "The mailbox is selected read-only", ""};
  return transfer(numbers, store, target, Transfer::Move);
}

Result<CopyOutcome> SessionMailbox::transfer(const UidSet& numbers, Store& store,
                                             std::string_view target, Transfer how) {
  auto& files = static_cast<FileStore&>(store);  // the one kind of Store there is
  DMAIL_TRY(files.know_quota());
  auto to = files.open_box(target);
  if (!to) return std::move(to.error());
  for (int i = 0; i < kTries; ++i) {
    DMAIL_TRY(box_->refresh());
    auto done = transfer_locked(numbers, **to, how);
    if (done) return done;
    if (done.error().kind == ErrorKind::Corrupt ? !repair()
                                                : done.error().kind != ErrorKind::TryLater)
      return done;
  }
  return Error{ErrorKind::InUse, "The mailbox changes too fast; try again",
               path() + ": COPY or MOVE found no quiet moment"};
}

// The messages are in the target by now: whatever fails is not tried again, or they were copied
// twice.
Status SessionMailbox::remove_copied(Box::Held& held, const UidSet& uids) {
  const auto header = box_->index() ? box_->index()->header() : std::nullopt;
  Status done = header && header->dirty == 0 ? expunge_held(held, &uids, Doomed::All)
                                             : Status(box_->damaged());
  if (done) return done;
  return Error{done.error().kind == ErrorKind::Corrupt ? ErrorKind::Io : done.error().kind,
               "The messages were copied, but not removed here: " + done.error().client,
               done.error().log};
}

Result<CopyOutcome> SessionMailbox::transfer_locked(const UidSet& numbers, Box& target_box,
                                                    Transfer how) {
  // Two locks are taken in the order of names, so that copies both ways never wait for each other.
  const bool same = target_box.place().name == name(), moves = how == Transfer::Move;
  // What is moved within a mailbox comes and goes under one lock.
  Box& target = same && moves ? *box_ : target_box;
  FileLock source;                   // COPY: nobody changes the source
  std::optional<Box::Held> emptied;  // MOVE: nor takes from it what we take
  const auto lock_source = [&]() -> Status {
    if (moves) {
      auto lock = box_->lock();
      if (!lock) return std::move(lock.error());
      emptied = std::move(*lock);
      return {};
    }
    auto lock = box_->lock_shared();
    if (!lock) return std::move(lock.error());
    source = std::move(*lock);
    // By the name it has: under one that it had before, the order of locks would be another.
    Status there = box_->still_there();
    if (!there && box_->place().drop_file) return Error{ErrorKind::TryLater, "", ""};
    return there;
  };
  if (!same && name() < target.place().name) DMAIL_TRY(lock_source());
  auto held = target.lock();
  if (!held) return std::move(held.error());
  if (!same && !source.held() && !emptied) DMAIL_TRY(lock_source());
  if (same && box_->index() != nullptr && box_->index()->superseded())
    return Error{ErrorKind::TryLater, "", ""};
  const auto header = box_->index()->header();
  auto now = box_->identity();
  if (!now) return std::move(now.error());
  if (!header || header->dirty != 0 || header->file != *now)
    return Error{ErrorKind::TryLater, "", ""};
  if (header->uid_validity != uid_validity_) return dead_message();

  CopyOutcome out;
  out.uid_validity = held->header.uid_validity;
  std::vector<LazyText> texts;
  std::vector<Arrival> arrivals;
  std::string cached;  // texts of all entries, cut by `cuts`
  struct Cut {
    size_t at, envelope, body, body_structure;
  };
  std::vector<Cut> cuts;
  const int64_t clock = wall_seconds();
  for (const UidRange& range : numbers.ranges()) {
    for (uint64_t n = std::max(range.first, 1u); n <= std::min(range.last, count()); ++n) {
      Record r;
      DMAIL_TRY(locate(static_cast<uint32_t>(n), r));
      if (r.form & kExpunged) return dead_message();
      Arrival a;
      a.message.flags = r.flags & kSystemFlags;
      a.message.internal_date = r.internal_date;
      a.message.zone_minutes = r.zone_minutes;
      a.save_date = clock;
      for (size_t k = 0; k < keywords_.names().size(); ++k)
        if (r.keywords >> k & 1) a.keywords.push_back(keywords_.names()[k]);
      CacheTexts t;
      Cut cut{cached.size(), 0, 0, 0};
      if (r.cache != 0 && box_->cache().read(r.cache, uid_validity_, r.uid, t)) {
        a.cached = true;
        cut = {cached.size(), t.envelope.size(), t.body.size(), t.body_structure.size()};
        cached.append(t.envelope).append(t.body).append(t.body_structure);
      }
      cuts.push_back(cut);
      arrivals.push_back(std::move(a));
      texts.emplace_back(box_->fd(), r);
      out.from.push_back(r.uid);
      out.source.add(r.uid);
    }
  }
  if (arrivals.empty()) return out;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    arrivals[i].message.text = &texts[i];
    const std::string_view all = cached;
    arrivals[i].envelope = all.substr(cuts[i].at, cuts[i].envelope);
    arrivals[i].body = all.substr(cuts[i].at + cuts[i].envelope, cuts[i].body);
    arrivals[i].body_structure =
        all.substr(cuts[i].at + cuts[i].envelope + cuts[i].body, cuts[i].body_structure);
  }
  std::vector<Record> stored;
  DMAIL_TRY(target.append(*held, arrivals, stored));
  for (const Record& r : stored) out.to.push_back(r.uid);
  if (moves) DMAIL_TRY(remove_copied(same ? *held : *emptied, out.source));
  return out;
}

}  // namespace dmail::store

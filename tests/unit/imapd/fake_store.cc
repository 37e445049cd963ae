#include "tests/unit/imapd/fake_store.h"

#include <algorithm>

#include "mail/header.h"
#include "mail/structure.h"

namespace dmail::imapd::test {
namespace {

using store::Changes;
using store::CopyOutcome;
using store::FlagAction;
using store::FlagChange;
using store::FlagOutcome;
using store::MessageInfo;

Error missing() { return {ErrorKind::NotFound, "No such mailbox", {}}; }

class FakeMailbox : public store::Mailbox {
 public:
  FakeMailbox(FakeStore& owner, std::string name, std::shared_ptr<FakeFolder> folder,
              bool read_only)
      : owner_(&owner),
        name_(std::move(name)),
        path_("/spool/" + name_),
        folder_(std::move(folder)),
        read_only_(read_only),
        recent_from_(folder_->recent_from) {
    view_ = folder_->messages;
    seen_ = folder_->changes;
    if (!read_only) folder_->recent_from = folder_->uid_next;
  }
  const std::string& name() const override { return name_; }
  const std::string& path() const override { return path_; }
  bool read_only() const override { return read_only_; }
  uint32_t count() const override { return static_cast<uint32_t>(view_.size()); }
  uint32_t recent() const override {
    return static_cast<uint32_t>(std::count_if(
        view_.begin(), view_.end(), [&](const auto& m) { return m->uid >= recent_from_; }));
  }
  uint32_t uid_validity() const override { return folder_->uid_validity; }
  uint32_t uid_next() const override { return folder_->uid_next; }
  uint64_t highest_mod_sequence() const override { return 1; }
  uint32_t first_unseen() const override {
    for (uint32_t n = 1; n <= count(); ++n)
      if ((view_[n - 1]->flags & store::kSeen) == 0) return n;
    return 0;
  }
  const std::vector<std::string>& keyword_names() const override { return folder_->keywords; }
  bool accepts_keywords() const override { return folder_->keywords.size() < 4; }

  MessageInfo info(uint32_t n) override {
    const FakeMessage& m = *view_.at(n - 1);
    MessageInfo out;
    out.uid = m.uid;
    out.flags = m.flags;
    out.recent = m.uid >= recent_from_;
    out.keywords = m.keywords;
    out.internal_date = m.date;
    out.zone_minutes = m.zone;
    out.size = m.text.size();
    return out;
  }
  uint32_t uid(uint32_t n) override { return view_.at(n - 1)->uid; }
  uint32_t at_or_after(uint32_t uid) override {
    uint32_t n = 1;
    while (n <= count() && view_[n - 1]->uid < uid) ++n;
    return n;
  }
  bool dead(uint32_t n) const {
    const auto& all = folder_->messages;
    return std::find(all.begin(), all.end(), view_.at(n - 1)) == all.end();
  }
  Result<std::string_view> header(uint32_t n) override {
    if (dead(n)) return Error{ErrorKind::NotFound, "Message is gone", {}};
    const std::string_view text = view_.at(n - 1)->text;
    return text.substr(0, mail::header_size(text));
  }
  Result<std::string_view> text(uint32_t n) override {
    if (dead(n)) return Error{ErrorKind::NotFound, "Message is gone", {}};
    return std::string_view(view_.at(n - 1)->text);
  }
  Status send(uint32_t n, uint64_t offset, uint64_t length, ByteSink& sink) override {
    if (dead(n)) return Error{ErrorKind::NotFound, "Message is gone", {}};
    // In pieces, as from a file.
    std::string_view left = std::string_view(view_.at(n - 1)->text).substr(offset, length);
    for (; !left.empty(); left.remove_prefix(std::min<size_t>(left.size(), 7000)))
      sink.write(left.substr(0, 7000));
    if (owner_->gone_after_send) std::erase(folder_->messages, view_.at(n - 1));
    return {};
  }
  Result<std::string_view> cached(uint32_t n, int which) {
    auto whole = text(n);
    if (!whole) return whole;
    scratch_ = which == 0 ? mail::envelope_text(*header(n))
                          : mail::body_text(*whole, mail::parse_structure(*whole), which == 2);
    return std::string_view(scratch_);
  }
  Result<std::string_view> envelope(uint32_t n) override { return cached(n, 0); }
  Result<std::string_view> body(uint32_t n) override { return cached(n, 1); }
  Result<std::string_view> body_structure(uint32_t n) override { return cached(n, 2); }

  Result<FlagOutcome> change_flags(const UidSet& numbers, const FlagChange& change) override {
    if (owner_->failing) return *owner_->failing;
    FlagOutcome out;
    uint64_t keywords = 0;
    for (const std::string& name : change.keywords) {
      auto& names = folder_->keywords;
      auto it = std::find(names.begin(), names.end(), name);
      if (it == names.end() && names.size() >= 4) {
        out.keywords_full = true;
        continue;
      }
      if (it == names.end()) it = names.insert(names.end(), name);
      keywords |= uint64_t{1} << (it - names.begin());
    }
    for (const UidRange& range : numbers.ranges())
      for (uint32_t n = range.first; n <= range.last; ++n) {
        if (dead(n)) {
          out.gone.push_back(n);
          continue;
        }
        FakeMessage& m = *view_.at(n - 1);
        const auto before = std::pair(m.flags, m.keywords);
        if (change.action == FlagAction::Replace) m.flags = change.flags, m.keywords = keywords;
        if (change.action == FlagAction::Add) m.flags |= change.flags, m.keywords |= keywords;
        if (change.action == FlagAction::Remove) m.flags &= ~change.flags, m.keywords &= ~keywords;
        if (before == std::pair(m.flags, m.keywords)) continue;
        m.change = ++folder_->changes;
        own_.insert(m.change);
        out.changed.push_back(n);
      }
    return out;
  }
  Status expunge(const UidSet* only) override {
    if (owner_->failing) return *owner_->failing;
    std::erase_if(folder_->messages, [&](const auto& m) {
      return (m->flags & store::kDeleted) != 0 && (only == nullptr || only->contains(m->uid));
    });
    return {};
  }
  Result<CopyOutcome> copy(const UidSet& numbers, store::Store&, std::string_view target) override {
    if (!owner_->has(std::string(target))) return missing();
    FakeFolder& to = owner_->folder(std::string(target));
    CopyOutcome out;
    out.uid_validity = to.uid_validity;
    for (const UidRange& range : numbers.ranges())
      for (uint32_t n = range.first; n <= range.last; ++n)
        if (dead(n)) return Error{ErrorKind::NotFound, "Message is gone", {}};
    const auto snapshot = view_;
    for (const UidRange& range : numbers.ranges())
      for (uint32_t n = range.first; n <= range.last; ++n) {
        const FakeMessage m = *snapshot.at(n - 1);
        out.source.add(m.uid);
        out.from.push_back(m.uid);
        out.to.push_back(to.add(m.text, m.flags, m.date, m.zone).uid);
      }
    return out;
  }
  Result<CopyOutcome> move(const UidSet& numbers, store::Store& store,
                           std::string_view target) override {
    auto done = copy(numbers, store, target);
    if (!done) return done;
    if (auto marked = change_flags(numbers, {FlagAction::Add, store::kDeleted, {}, std::nullopt});
        !marked)
      return std::move(marked.error());
    if (Status gone = expunge(&done->source); !gone) return std::move(gone.error());
    return done;
  }
  Result<Changes> sync(bool may_expunge) override {
    Changes out;
    out.gone = folder_->removed;
    if (may_expunge)
      for (uint32_t n = count(); n > 0; --n)
        if (dead(n)) {
          out.expunged.push_back(n);
          view_.erase(view_.begin() + (n - 1));
        }
    out.count_before = count();
    const uint32_t last = view_.empty() ? 0 : view_.back()->uid;
    for (const auto& m : folder_->messages)
      if (m->uid > std::max(last, last_)) view_.push_back(m);
    for (const auto& m : view_) last_ = std::max(last_, m->uid);
    out.count = count();
    out.recent = recent();
    for (uint32_t n = 1; n <= out.count_before; ++n)
      if (view_[n - 1]->change > seen_ && !own_.contains(view_[n - 1]->change))
        out.flags.push_back(n);
    seen_ = folder_->changes;
    own_.clear();
    return out;
  }
  int watch_fd() override { return -1; }
  void clear_watch() override {}

 private:
  FakeStore* owner_;
  std::string name_, path_;
  std::shared_ptr<FakeFolder> folder_;
  bool read_only_;
  uint32_t recent_from_;
  uint32_t last_ = 0;
  std::vector<std::shared_ptr<FakeMessage>> view_;
  uint64_t seen_ = 0;
  std::set<uint64_t> own_;
  std::string scratch_;
};

class FakeAppender : public store::Appender {
 public:
  FakeAppender(FakeStore& owner, std::string name) : owner_(&owner), name_(std::move(name)) {}
  Status begin(Meta meta) override {
    metas_.push_back(std::move(meta));
    texts_.emplace_back();
    return {};
  }
  Status write(std::string_view bytes) override {
    texts_.back() += bytes;
    return {};
  }
  Status end() override { return {}; }
  Result<Done> commit() override {
    if (owner_->failing) return *owner_->failing;
    FakeFolder& folder = owner_->folder(name_);
    Done done;
    done.uid_validity = folder.uid_validity;
    for (size_t i = 0; i < texts_.size(); ++i)
      done.uids.add(folder
                        .add(texts_[i], metas_[i].flags, metas_[i].internal_date.value_or(0),
                             metas_[i].zone_minutes)
                        .uid);
    return done;
  }

 private:
  FakeStore* owner_;
  std::string name_;
  std::vector<Meta> metas_;
  std::vector<std::string> texts_;
};

}  // namespace

FakeMessage& FakeFolder::add(std::string text, uint32_t flags, int64_t date, int zone) {
  auto m = std::make_shared<FakeMessage>();
  m->uid = uid_next++;
  m->flags = flags;
  m->date = date;
  m->zone = zone;
  m->text = std::move(text);
  messages.push_back(m);
  return *messages.back();
}

FakeStore::FakeStore() { folders_["INBOX"] = std::make_shared<FakeFolder>(); }

std::shared_ptr<FakeFolder> FakeStore::find(std::string_view name) const {
  const auto it = folders_.find(std::string(name));
  return it == folders_.end() ? nullptr : it->second;
}

Status FakeStore::list(const std::function<void(const store::MailboxEntry&)>& each) {
  if (failing) return *failing;
  for (const auto& [name, folder] : folders_) {
    const auto next = folders_.lower_bound(name + "/");
    each({name, true, next != folders_.end() && next->first.starts_with(name + "/")});
  }
  return {};
}
Result<store::MailboxEntry> FakeStore::lookup(std::string_view name) {
  if (!find(name)) return missing();
  return store::MailboxEntry{std::string(name), true, false};
}
Status FakeStore::create(std::string_view name) {
  if (failing) return *failing;
  if (find(name)) return Error{ErrorKind::Exists, "Mailbox exists", {}};
  for (size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1))
    if (!find(name.substr(0, slash)))
      folders_[std::string(name.substr(0, slash))] = std::make_shared<FakeFolder>();
  folders_[std::string(name)] = std::make_shared<FakeFolder>();
  return {};
}
Status FakeStore::remove(std::string_view name) {
  if (!find(name)) return missing();
  if (name == "INBOX") return Error{ErrorKind::NoPermission, "INBOX cannot be deleted", {}};
  find(name)->removed = true;
  folders_.erase(std::string(name));
  return {};
}
Status FakeStore::rename(std::string_view from, std::string_view to) {
  const auto folder = find(from);
  if (!folder) return missing();
  if (find(to)) return Error{ErrorKind::Exists, "Mailbox exists", {}};
  folders_.erase(std::string(from));
  folders_[std::string(to)] = folder;
  return {};
}
Result<std::vector<std::string>> FakeStore::subscriptions() {
  return std::vector<std::string>(subscribed_.begin(), subscribed_.end());
}
Status FakeStore::subscribe(std::string_view name, bool on) {
  if (on)
    subscribed_.insert(std::string(name));
  else
    subscribed_.erase(std::string(name));
  return {};
}
Result<std::unique_ptr<store::Mailbox>> FakeStore::select(std::string_view name, bool read_only) {
  if (failing) return *failing;
  const auto folder = find(name);
  if (!folder) return missing();
  return std::unique_ptr<store::Mailbox>(
      std::make_unique<FakeMailbox>(*this, std::string(name), folder, read_only));
}
Result<store::MailboxStatus> FakeStore::status(std::string_view name) {
  const auto folder = find(name);
  if (!folder) return missing();
  store::MailboxStatus out;
  out.messages = static_cast<uint32_t>(folder->messages.size());
  out.uid_next = folder->uid_next;
  out.uid_validity = folder->uid_validity;
  for (const auto& m : folder->messages) out.unseen += (m->flags & store::kSeen) == 0 ? 1 : 0;
  return out;
}
Result<std::unique_ptr<store::Appender>> FakeStore::append(std::string_view name) {
  if (!find(name)) return missing();
  return std::unique_ptr<store::Appender>(std::make_unique<FakeAppender>(*this, std::string(name)));
}
Result<store::Quota> FakeStore::quota() {
  store::Quota out;
  out.limit_bytes = quota_limit;
  for (const auto& [name, folder] : folders_)
    for (const auto& m : folder->messages) out.used_bytes += m->text.size();
  return out;
}

}  // namespace dmail::imapd::test

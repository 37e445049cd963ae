#include "imapd/mailbox_view.h"

#include <algorithm>

namespace dmail::imapd {
namespace {

struct FlagName {
  uint32_t bit;
  std::string_view name;
};
constexpr FlagName kFlagNames[] = {{store::kAnswered, "\\Answered "},
                                   {store::kFlagged, "\\Flagged "},
                                   {store::kDeleted, "\\Deleted "},
                                   {store::kDraft, "\\Draft "},
                                   {store::kSeen, "\\Seen "}};
constexpr std::string_view kSystemFlagList = "\\Answered \\Flagged \\Deleted \\Draft \\Seen";

}  // namespace

void append_flag_list(std::string& out, const store::MessageInfo& info,
                      const std::vector<std::string>& keywords) {
  out += '(';
  const size_t start = out.size();
  if (info.recent) out += "\\Recent ";
  for (const FlagName& flag : kFlagNames)
    if ((info.flags & flag.bit) != 0) out += flag.name;
  for (uint64_t left = info.keywords; left != 0; left &= left - 1) {
    const auto bit = static_cast<size_t>(__builtin_ctzll(left));
    if (bit >= keywords.size()) break;
    out += keywords[bit];
    out += ' ';
  }
  if (out.size() > start)
    out.back() = ')';
  else
    out += ')';
}

void MailboxView::announce_flags() {
  const auto& names = mailbox_->keyword_names();
  std::string keywords;
  for (const std::string& name : names) dmail::append(keywords, concat(' ', name));
  told_keywords_ = names.size();
  reply_->untagged("FLAGS (", kSystemFlagList, keywords, ")");
  if (mailbox_->read_only())
    reply_->untagged("OK [PERMANENTFLAGS ()] Permanent flags");
  else
    reply_->untagged("OK [PERMANENTFLAGS (", mailbox_->accepts_keywords() ? "\\* " : "",
                     kSystemFlagList, keywords, ")] Permanent flags");
}

void MailboxView::announce_keywords() {
  if (mailbox_->keyword_names().size() > told_keywords_) announce_flags();
}

void MailboxView::announce_opened() {
  told_recent_ = mailbox_->recent();
  reply_->untagged(mailbox_->count(), " EXISTS");
  reply_->untagged(told_recent_, " RECENT");
  reply_->untagged("OK [UIDVALIDITY ", mailbox_->uid_validity(), "] UID validity status");
  reply_->untagged("OK [UIDNEXT ", mailbox_->uid_next(), "] Predicted next UID");
  announce_flags();
  if (const uint32_t unseen = mailbox_->first_unseen(); unseen != 0)
    reply_->untagged("OK [UNSEEN ", unseen, "] Message ", unseen, " is the first unseen");
}

Result<MailboxView::Update> MailboxView::update(bool may_expunge) {
  auto synced = mailbox_->sync(may_expunge);
  if (!synced) return std::move(synced.error());
  const store::Changes& changes = *synced;
  if (changes.gone) return Update::Gone;
  for (const uint32_t number : changes.expunged) reply_->untagged(number, " EXPUNGE");
  if (changes.count != changes.count_before) reply_->untagged(changes.count, " EXISTS");
  if (changes.count != changes.count_before || changes.recent != told_recent_) {
    told_recent_ = changes.recent;
    reply_->untagged(changes.recent, " RECENT");
  }
  announce_keywords();
  for (const uint32_t number : changes.flags) {
    std::string& b = reply_->buffer();
    dmail::append(b, concat("* ", number, " FETCH (FLAGS "));
    append_flag_list(b, mailbox_->info(number), mailbox_->keyword_names());
    b += ")\r\n";
    reply_->flush_if_full();
  }
  return Update::Told;
}

uint32_t MailboxView::star(bool uid) {
  const uint32_t count = mailbox_->count();
  return count == 0 || !uid ? count : mailbox_->uid(count);
}

// The message numbers of `set` that exist.
UidSet MailboxView::clipped(const UidSet& set, bool uid) {
  UidSet out;
  const uint32_t count = mailbox_->count();
  for (const UidRange& range : set.ranges()) {
    const uint32_t first = uid ? mailbox_->at_or_after(range.first) : range.first;
    if (first > count) break;
    uint32_t last = std::min(range.last, count);
    if (uid) last = range.last == UINT32_MAX ? count : mailbox_->at_or_after(range.last + 1) - 1;
    if (last >= first) out.add(first, last);
  }
  return out;
}

std::optional<UidSet> MailboxView::numbers_for_search(std::string_view set, bool uid) {
  const auto parsed = UidSet::parse(set, star(uid));
  if (!parsed) return std::nullopt;
  return clipped(*parsed, uid);
}

std::optional<UidSet> MailboxView::numbers(std::string_view set, bool uid) {
  const auto parsed = UidSet::parse(set, star(uid));
  if (!parsed) return std::nullopt;
  if (!uid && (parsed->empty() || parsed->ranges().back().last > mailbox_->count()))
    return std::nullopt;
  return clipped(*parsed, uid);
}

UidSet MailboxView::uids(const UidSet& message_numbers) {
  UidSet out;
  for (const UidRange& range : message_numbers.ranges())
    for (uint32_t n = range.first; n <= range.last; ++n) out.add(mailbox_->uid(n));
  return out;
}

}  // namespace dmail::imapd

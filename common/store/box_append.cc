// Box: new messages into the mailbox (APPEND, delivery, COPY), all or none.
#include <algorithm>

#include "base/text.h"
#include "io/clock.h"
#include "io/file.h"
#include "store/box.h"

namespace dmail::store {
namespace {

constexpr uint32_t kLastUid = 0xfffffffe;

Error full(const std::string& path) {
  return Error{ErrorKind::Limit, "The mailbox is full", path + " has no UIDs or records left"};
}

}  // namespace

// A keyword with no room refuses all, as STORE does: a message that moves here without it would
// have lost it for good, and nobody were told.
Status Box::place_keywords(const IndexHeader& header, std::span<Arrival> arrivals) {
  uint64_t wanted = 0;
  for (Arrival& a : arrivals)
    for (const std::string& name : a.keywords) {
      const auto bit = place_keyword(header, name, wanted);
      if (!bit)
        return Error{ErrorKind::Limit,
                     concat("No room for another keyword in mailbox ", place_.name), ""};
      a.message.keywords |= uint64_t{1} << *bit;
    }
  return {};
}

void Box::cache_arrivals(Held& held, std::span<const Arrival> arrivals, std::span<Record> records) {
  std::string entries;
  std::vector<uint64_t> places(records.size(), 0);
  for (size_t i = 0; i < records.size(); ++i) {
    const size_t start = entries.size();
    const Arrival& a = arrivals[i];
    if (a.cached)
      append_cache_entry(entries, held.header.uid_validity, records[i].uid,
                         {a.envelope, a.body, a.body_structure});
    else if (!a.whole.empty())
      make_cache_entry(entries, held.header.uid_validity, records[i].uid, a.whole);
    else
      continue;
    if (entries.size() - start > kMaxCacheEntry)
      entries.resize(start);
    else
      places[i] = start + 1;
  }
  if (entries.empty()) return;
  auto first = cache_.append(entries, 100);
  if (!first) return;  // only a cache: made again when asked for
  for (size_t i = 0; i < records.size(); ++i)
    if (places[i] != 0) records[i].cache = *first - 1 + places[i];
}

Status Box::append(Held& held, std::span<Arrival> arrivals, std::vector<Record>& out) {
  IndexHeader& h = held.header;
  if (arrivals.size() > kMaxRecords - h.record_count || arrivals.size() > kLastUid - h.next_uid)
    return full(place_.path);
  DMAIL_TRY(place_keywords(h, arrivals));
  uint64_t more = 0;
  for (const Arrival& a : arrivals) more += a.message.text->size();
  std::optional<QuotaLedger::Hold> quota;
  if (context_->quota && context_->quota->limit() > 0) {
    auto hold = context_->quota->hold();
    if (!hold) return std::move(hold.error());
    quota = std::move(*hold);
    if (!quota->used()) quota->set(sum_of_indexes(*context_));
    DMAIL_TRY(quota->check(more));
    DMAIL_TRY(quota->begin());
  }
  std::vector<NewMessage> messages;
  messages.reserve(arrivals.size());
  uint32_t uid = h.next_uid;
  for (Arrival& a : arrivals) {
    a.message.uid = uid++;
    messages.push_back(a.message);
  }
  FileHeader in_file = file_header(h);
  in_file.last_uid = uid - 1;
  DMAIL_TRY(begin(held));
  out.clear();
  if (Status done = file_->append(h.end_offset, messages, keywords_, in_file, out); !done) {
    if (quota) quota->finish(0);
    abandon(held);
    return done;
  }
  const uint64_t mod_sequence = next_mod_sequence(h);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].mod_sequence = mod_sequence;
    out[i].save_date = arrivals[i].save_date;
    out[i].cache = 0;
  }
  cache_arrivals(held, arrivals, out);
  // The messages are on disk.  An index that cannot follow is made again by the next to look.
  if (!add_records(held, out)) {
    distrust();
    settle_quota(held, quota ? &*quota : nullptr);
    return {};
  }
  auto now = identity();
  if (now) h.end_offset = now->size;
  return finish(held, quota ? &*quota : nullptr);
}

}  // namespace dmail::store

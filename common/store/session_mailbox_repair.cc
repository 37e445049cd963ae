// SessionMailbox: going on after the index was found damaged.
#include <algorithm>

#include "store/session_mailbox.h"

namespace dmail::store {
namespace {

// The whole records of `now` with UIDs in [from, to); at most `most` + 1 of them.
std::vector<Record> records_between(Index& now, const IndexHeader& header, uint32_t from,
                                    uint32_t to, size_t most) {
  std::vector<Record> out;
  const auto at = now.lower_bound(from, header.record_count);
  for (uint32_t i = at.value_or(header.record_count); i < header.record_count; ++i) {
    Record r;
    if (!now.record(i, r) || r.uid >= to || out.size() > most) break;
    out.push_back(r);
  }
  return out;
}

}  // namespace

// Between two records that are whole the same number of messages has to stand as have a number
// here; else nobody knows which is which, and they count as gone.
void SessionMailbox::fill_run(Index& now, const IndexHeader& header, std::vector<Record>& view,
                              uint32_t first, uint32_t last) {
  const uint32_t before = first > 0 ? view[first - 1].uid : 0;
  const uint32_t after = last + 1 < view.size() ? view[last + 1].uid : uid_next_;
  std::vector<uint32_t> numbered;
  for (uint32_t i = first; i <= last; ++i) {
    view[i] = {};
    view[i].uid = before;  // in order, and of no message
    view[i].form = kExpunged;
    if (has_number(i)) numbered.push_back(i);
  }
  const auto records = records_between(now, header, before + 1, after, numbered.size());
  if (records.size() != numbered.size()) return;
  for (size_t i = 0; i < numbered.size(); ++i) view[numbered[i]] = records[i];
  for (uint32_t i = first; i <= last; ++i)
    if (view[i].form & kExpunged && i > 0) view[i].uid = view[i - 1].uid;
}

bool SessionMailbox::view_record(uint32_t at, Record& out) {
  if (view_->record(at, out)) return true;
  return repair() && view_->record(at, out);
}

bool SessionMailbox::repair() {
  new_places_.clear();
  new_entries_.clear();
  box_->distrust();
  if (!box_->refresh() || !box_->index()) return false;
  const auto header = box_->index()->header();
  if (!header || header->uid_validity != uid_validity_) return false;
  mend_view(*box_->index(), *header);
  return true;
}

// A view whose records are all whole stays as it is; else it is copied, and what is damaged comes
// from the index as it is now.
void SessionMailbox::mend_view(Index& now, const IndexHeader& header) {
  std::vector<Record> records(known_);
  std::vector<uint32_t> damaged;
  for (uint32_t i = 0; i < known_; ++i)
    if (!view_->record(i, records[i])) damaged.push_back(i);
  if (damaged.empty() && view_->header()) return;
  for (size_t i = 0; i < damaged.size();) {
    size_t end = i + 1;
    while (end < damaged.size() && damaged[end] == damaged[end - 1] + 1) ++end;
    fill_run(now, header, records, damaged[i], damaged[end - 1]);
    i = end;
  }
  IndexHeader own = header;
  own.record_count = known_;
  own.messages = known_;
  own.dead = own.dead_low = own.dead_high = own.unseen = own.deleted = own.first_unseen = 0;
  own.next_uid = std::max(own.next_uid, known_ + 1);
  own.superseded = 1;
  if (auto made = Index::in_memory(own, keywords_, records)) {
    in_use_.release();
    view_ = std::move(*made);
  }
}

}  // namespace dmail::store

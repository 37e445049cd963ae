#include "store/mbox_scanner.h"

#include <algorithm>

#include "base/crc32.h"
#include "store/hidden_fields.h"
#include "store/text_identity.h"

namespace dmail::store {
namespace {

constexpr uint64_t kBefore = 3;  // bytes looked at before a From_ line

uint64_t octets(const MboxCounter& c, uint64_t raw, bool strict) {
  return strict ? raw - c.quoted + c.newlines : raw + c.newlines - c.pairs;
}

}  // namespace

Result<uint64_t> MboxScanner::skip_blank(uint64_t at) {
  for (;;) {
    auto view = window_.at(at, 1);
    if (!view) return std::move(view.error());
    if (view->empty()) return at;
    const size_t n = view->find_first_not_of("\r\n");
    if (n != view->npos) return at + n;
    at += view->size();
  }
}

// What a crash can leave of a From_ line at the end of the file, or zeros to the end.
bool MboxScanner::is_torn_front(std::string_view rest, uint64_t at) const {
  if (at + rest.size() < window_.limit()) return false;
  if (rest.find_first_not_of('\0') == rest.npos) return true;
  if (rest.size() >= kMaxFromLine || rest.find('\n') != rest.npos) return false;
  return rest.starts_with(kFromStart) || kFromStart.starts_with(rest);
}

std::optional<FromLine> MboxScanner::from_line(std::string_view bytes, uint64_t at) {
  if (at == known_at_ && bytes.size() >= known_.length) return known_;
  auto line = parse_from_line(bytes);
  if (line) {
    known_at_ = at;
    known_ = *line;
    known_.sender = {};  // its buffer moves on
  }
  return line;
}

Result<bool> MboxScanner::is_separator(uint64_t at, Splits splits) {
  auto view = window_.at(at - kBefore, kMaxFromLine + kBefore);
  if (!view) return std::move(view.error());
  const std::string_view before = view->substr(0, kBefore), line = view->substr(kBefore);
  if (splits == Splits::AfterEmptyLine && before[1] != '\n' && before.substr(0, 2) != "\n\r")
    return false;
  return from_line(line, at) || is_torn_front(line, at);
}

// Counts in [from, to); stops at a From_ line and returns its offset.
Result<uint64_t> MboxScanner::count_part(MboxCounter& counter, uint64_t from, uint64_t to,
                                         Splits splits) {
  uint64_t p = from;
  while (p < to) {
    auto view = window_.at(p - kBefore, kBefore + 4096);
    if (!view) return std::move(view.error());
    if (view->size() <= kBefore) return p;  // the file shrank under us
    size_t n = view->size() - kBefore;
    if (p + n < window_.limit()) n -= MboxCounter::kAhead;
    n = static_cast<size_t>(std::min<uint64_t>(n, to - p));
    const char* const begin = view->data() + kBefore;
    const char* const hit = counter.find(begin, begin + n);
    p += static_cast<uint64_t>(hit - begin);
    if (hit == begin + n) continue;
    auto separator = is_separator(p, splits);
    if (!separator) return std::move(separator.error());
    if (*separator) return p;
    ++p;  // an F
  }
  return to;
}

Result<uint64_t> MboxScanner::header_end(uint64_t text, uint64_t to, bool strict) {
  uint64_t p = text;
  bool line_start = true;
  while (p < to) {
    auto view = window_.at(p, 2);
    if (!view) return std::move(view.error());
    std::string_view v = view->substr(0, to - p);
    if (v.empty()) break;
    const size_t whole = v.size();
    while (v.size() >= 2 || (!v.empty() && p + whole == to)) {
      if (line_start && v[0] == '\n') return p + (whole - v.size()) + 1;
      if (line_start && !strict && v.starts_with("\r\n")) return p + (whole - v.size()) + 2;
      const size_t end = v.find('\n');
      line_start = end != v.npos;
      v.remove_prefix(line_start ? end + 1 : v.size());
    }
    p += whole - v.size();
  }
  return to;
}

Result<MboxScanner::Text> MboxScanner::count(uint64_t text, uint64_t to, bool strict,
                                             Splits splits) {
  Text t;
  auto h = header_end(text, to, strict);
  if (!h) return std::move(h.error());
  t.header_end = *h;
  auto end = count_part(t.all, text, *h, splits);
  if (!end) return std::move(end.error());
  t.header = t.all;
  t.header_end = t.end = *end;
  if (*end < *h || *h == to) return t;
  end = count_part(t.all, *h, to, splits);
  if (!end) return std::move(end.error());
  t.end = *end;
  return t;
}

// Whether text of ours that should end at `end` does: with its line end, and then empty lines and
// the next message or the end of the file.  `next` becomes the offset of that.
Result<bool> MboxScanner::ends_well(uint64_t text, uint64_t end, uint64_t& next) {
  if (end > text) {
    auto last = window_.at(end - 1, 1);
    if (!last) return std::move(last.error());
    if (last->empty() || (*last)[0] != '\n') return false;
  }
  auto after = skip_blank(end);
  if (!after) return std::move(after.error());
  next = *after;
  if (next == window_.limit()) return true;
  auto line = window_.at(next, kMaxFromLine);
  if (!line) return std::move(line.error());
  if (from_line(*line, next) || is_torn_front(*line, next)) return true;
  return is_torn_append(next);
}

// The next From_ line even in the middle of a line; the end of the file when there is none.
Result<uint64_t> MboxScanner::find_anywhere(uint64_t from) {
  uint64_t p = from;
  while (p < window_.limit()) {
    auto view = window_.at(p - 1, 4096);
    if (!view) return std::move(view.error());
    if (view->size() <= 1) break;
    const size_t hit = view->find(kFromStart, 1);
    if (hit == view->npos) {
      const bool last = p - 1 + view->size() >= window_.limit();
      p += view->size() - 1 - (last ? 0 : kFromStart.size());
      continue;
    }
    p += hit - 1;
    const bool quoted = (*view)[hit - 1] == '>';
    auto line = window_.at(p, kMaxFromLine);
    if (!line) return std::move(line.error());
    if (!quoted && parse_from_line(*line)) return p;
    ++p;
  }
  return window_.limit();
}

Result<MboxStep> MboxScanner::finish(MboxStep step, uint64_t text, Text t, bool strict) {
  Record& r = step.record;
  step.kind = MboxStep::Kind::Message;
  step.header_raw = t.header_end - text;
  r.raw_size = t.end - text;
  r.size = octets(t.all, r.raw_size, strict);
  r.header_size = static_cast<uint32_t>(
      std::min<uint64_t>(octets(t.header, step.header_raw, strict), UINT32_MAX));
  bool complete = true;
  if (t.end > text) {
    auto last = window_.at(t.end - 1, 1);
    if (!last) return std::move(last.error());
    complete = !last->empty() && (*last)[0] == '\n';
    if (!complete) {  // readers are given the line end that is missing
      const uint64_t missing = !strict && !last->empty() && (*last)[0] == '\r' ? 1 : 2;
      if (t.header_end == t.end) r.header_size += static_cast<uint32_t>(missing);
      r.size += missing;
    }
  }
  if (strict || !complete || t.all.newlines != t.all.pairs) r.form |= kLfLines;
  auto hidden = identify(r);
  if (!hidden) return std::move(hidden.error());
  if (*hidden && !step.has_block) DMAIL_TRY(hide_fields(step, text, strict));
  return step;
}

// Takes the fields that readers are not given off the sizes.
Status MboxScanner::hide_fields(MboxStep& step, uint64_t text, bool strict) {
  Record& r = step.record;
  const auto size = static_cast<size_t>(std::min<uint64_t>(step.header_raw, kMaxHiddenHeader));
  auto view = window_.at(text, size);
  if (!view) return std::move(view.error());
  const HiddenLines hidden = hidden_lines(view->substr(0, size));
  if (hidden.lines == 0) return {};
  const uint64_t octets = hidden.bytes + hidden.lines - (strict ? 0 : hidden.crlf);
  r.size -= octets;
  r.header_size -= static_cast<uint32_t>(octets);
  r.form |= kHiddenFields | kLfLines;
  return {};
}

// Says which text it is, and whether there are fields that may be hidden.
Result<bool> MboxScanner::identify(Record& r) {
  TextIdentity identity;
  uint64_t at = r.offset + r.prefix_size;
  const uint64_t end = at + r.raw_size;
  while (at < end) {
    auto view = window_.at(at, 1);
    if (!view) return std::move(view.error());
    if (view->empty()) break;  // the file shrank under us
    const std::string_view piece = view->substr(0, end - at);
    identity.feed(piece);
    at += piece.size();
  }
  r.set_identity(identity.value());
  return identity.has_hidden();
}

// A message with our block.
Result<MboxStep> MboxScanner::step_ours(MboxStep step, const MboxState& state, uint64_t text) {
  const bool known = state.size != kMboxUncommitted;
  const bool fits = known && state.size <= window_.limit() - text;
  if (fits) {
    auto well = ends_well(text, text + state.size, step.next);
    if (!well) return std::move(well.error());
    if (*well) {
      auto t = count(text, text + state.size, true, Splits::Anywhere);
      if (!t) return std::move(t.error());
      if (t->end == text + state.size) return finish(std::move(step), text, *t, true);
    }
  }
  // Cut short, or edited by somebody.  Another agent may have gone on in the middle of a line.
  auto other = find_anywhere(text);
  if (!other) return std::move(other.error());
  step.next = *other;
  if (*other == window_.limit() && !fits) {
    step.kind = MboxStep::Kind::Torn;
    return step;
  }
  if (!known) {
    step.kind = MboxStep::Kind::Skipped;
    return step;
  }
  auto t = count(text, *other, true, Splits::Anywhere);
  if (!t) return std::move(t.error());
  DMAIL_TRY(trim(text, *t));
  return finish(std::move(step), text, *t, true);
}

// Takes the empty line that separates messages off the end of text; also where it is the
// one behind the header, for an agent that delivers next may or may not have to write it.
Status MboxScanner::trim(uint64_t text, Text& t) {
  auto last = window_.at(t.end - kBefore, kBefore);
  if (!last) return std::move(last.error());
  const std::string_view tail = last->substr(0, kBefore);
  const uint64_t n = tail.ends_with("\n\n") ? 1 : tail == "\n\r\n" ? 2 : 0;
  if (n == 0 || t.end - n < text) return {};
  t.end -= n;
  for (MboxCounter* c : {&t.all, &t.header}) {
    if (c == &t.header && t.header_end <= t.end) break;
    --c->newlines;
    if (n == 2) --c->pairs;
  }
  t.header_end = std::min(t.header_end, t.end);
  return {};
}

Result<MboxStep> MboxScanner::step(uint64_t at) {
  MboxStep step;
  auto view = window_.at(at, kMaxFromLine);
  if (!view) return std::move(view.error());
  const auto from = from_line(*view, at);
  if (!from) {
    bool torn = is_torn_front(*view, at);
    if (!torn) {
      auto append = is_torn_append(at);
      if (!append) return std::move(append.error());
      torn = *append;
    }
    if (torn) step.kind = MboxStep::Kind::Torn;
    return step;
  }
  Record& r = step.record;
  r.offset = at;
  r.from_size = static_cast<uint16_t>(from->length);
  r.prefix_size = static_cast<uint32_t>(from->length);
  r.prefix_crc = crc32(view->substr(0, from->length));
  r.internal_date = from->seconds;  // ours are in UTC
  r.zone_minutes = static_cast<int16_t>(from->zone_minutes);
  uint64_t text = at + from->length;
  view = window_.at(text, kStateFixed + kMboxMaxKeywordRoom + 1);
  if (!view) return std::move(view.error());
  if (const auto state = parse_mbox_state(*view)) {
    step.has_block = true;
    step.keywords = state->keywords;
    r.prefix_size += static_cast<uint32_t>(state->length);
    r.form = kLfLines | kQuoted | kStateRoom;
    r.uid = state->uid;
    r.flags = state->flags;
    r.zone_minutes = static_cast<int16_t>(state->zone_minutes);
    return step_ours(std::move(step), *state, text + state->length);
  }
  auto torn = is_torn_block(*view, text);
  if (!torn) return std::move(torn.error());
  view = window_.at(text, kStateFixed + kMboxMaxKeywordRoom + 1);
  if (!view) return std::move(view.error());
  if (*torn || (text + view->size() == window_.limit() && is_part_of_mbox_state(*view))) {
    step.kind = MboxStep::Kind::Torn;
    return step;
  }
  // A block that a program took apart when it saved: the text is still as we wrote it.
  const bool quoted = is_block_mark(*view);
  if (quoted) {
    r.form |= kLfLines | kQuoted;
    r.zone_minutes = static_cast<int16_t>(block_zone(*view));
  } else {
    FromLine line = *from;
    read_as_local_time(line);
    r.internal_date = line.seconds;
    r.zone_minutes = static_cast<int16_t>(line.zone_minutes);
  }
  auto t = count(text, window_.limit(), quoted, Splits::AfterEmptyLine);
  if (!t) return std::move(t.error());
  if (t->end == window_.limit()) {
    auto end = torn_append_in(text);
    if (!end) return std::move(end.error());
    if (*end < t->end) t = count(text, *end, quoted, Splits::AfterEmptyLine);
    if (!t) return std::move(t.error());
  }
  step.next = t->end;
  DMAIL_TRY(trim(text, *t));
  return finish(std::move(step), text, *t, quoted);
}

}  // namespace dmail::store

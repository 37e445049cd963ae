// MboxScanner: what a loss of power leaves of an append that was not acknowledged.  The file has
// its new length, and sectors that did not come to the disk hold zeros.  (Whether all of it came is
// told by the size in the block, which is written when the rest is on the disk.)
//
// Only at the end of the file: with other mail behind, zeros are somebody's text.
#include <algorithm>

#include "store/mbox_scanner.h"

namespace dmail::store {
namespace {

constexpr uint64_t kSector = 512;

}  // namespace

// Whether there are zeros from `at` to the end of its sector, or of the file.
Result<bool> MboxScanner::is_lost_sector(uint64_t at) {
  const uint64_t end = std::min(window_.limit(), (at / kSector + 1) * kSector);
  if (at >= end) return false;
  auto view = window_.at(at, static_cast<size_t>(end - at));
  if (!view) return std::move(view.error());
  return view->substr(0, end - at).find_first_not_of('\0') == view->npos;
}

// Whether at `at`, where a From_ line should stand, there is nothing of it, or its front and then
// nothing.
Result<bool> MboxScanner::is_lost_front(uint64_t at) {
  auto view = window_.at(at, kMaxFromLine);
  if (!view) return std::move(view.error());
  const std::string_view front = view->substr(0, view->find('\0'));
  if (front.size() == view->size() || front.find('\n') != front.npos) return false;
  if (!front.starts_with(kFromStart) && !kFromStart.starts_with(front)) return false;
  return is_lost_sector(at + front.size());
}

Result<bool> MboxScanner::is_last(uint64_t at) {
  auto other = find_anywhere(at);
  if (!other) return std::move(other.error());
  return *other == window_.limit();
}

Result<bool> MboxScanner::is_torn_append(uint64_t at) {
  auto lost = is_lost_front(at);
  return lost && *lost ? is_last(at + 1) : lost;
}

// Whether the From_ line before `text` is all that came, or that and the front of our block.
Result<bool> MboxScanner::is_torn_block(std::string_view bytes, uint64_t text) {
  const std::string_view front = bytes.substr(0, bytes.find('\0'));
  if (front.size() == bytes.size() || !is_part_of_mbox_state(front)) return false;
  auto lost = is_lost_sector(text + front.size());
  return lost && *lost ? is_last(text) : lost;
}

// Where an append was torn in what counts as text of another agent, [text, end of the file); the
// end of the file when none was.
Result<uint64_t> MboxScanner::torn_append_in(uint64_t text) {
  uint64_t line = text;
  bool skip = false;  // to the next line
  for (uint64_t p = text; p < window_.limit();) {
    auto view = window_.at(p, 1);
    if (!view) return std::move(view.error());
    if (view->empty()) break;  // the file shrank under us
    if (skip) {
      const size_t newline = view->find('\n');
      skip = newline == view->npos;
      p += skip ? view->size() : newline + 1;
      line = p;
      continue;
    }
    const size_t zero = view->find('\0');
    const size_t newline = view->substr(0, zero).rfind('\n');
    if (newline != view->npos) line = p + newline + 1;
    p += std::min(zero, view->size());
    if (zero == view->npos) continue;
    auto lost = is_lost_front(line);
    if (!lost) return std::move(lost.error());
    skip = true;
    if (!*lost) continue;
    auto other = find_anywhere(line + 1);
    if (!other) return std::move(other.error());
    if (*other == window_.limit()) return line;
    p = *other;  // mail of somebody stands behind: what is before it is not at the end
  }
  return window_.limit();
}

}  // namespace dmail::store

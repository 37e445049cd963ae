// The marker file of the tally, work_path/tally/marks: which addresses there is something to ask
// dmtally about, so that a monitor pays one pread for all others.  A fixed number of slots, hashed
// by address: a slot says until when it holds, and a hash of the last entry.  dmtally alone writes
// it.  What it says is never more than "ask" or "don't": a lost, torn or forged file costs a
// question too many, or lets an address pass with the plain delay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "privsep/ids.h"

namespace dmail::privsep {

inline constexpr uint64_t kMarkSlots = 65536;  // of each kind

struct Mark {
  uint32_t until = 0;  // seconds since 1970; nothing is known of the address after it
  uint32_t tag = 0;
};
static_assert(sizeof(Mark) == 8);

enum class MarkKind : uint64_t { Failures = 0, Relay = 1 };
inline constexpr size_t kMarksSize = 2 * kMarkSlots * sizeof(Mark);

std::string tally_directory(std::string_view work_path);
std::string marks_path(std::string_view work_path);
// By root: the mail user makes the directory of the records himself where work_path is his; where
// it is root's, as `make install` leaves it, it is made for him here.  What fails is told by
// whoever then cannot use it.
void make_tally_directory(const std::string& work_path, Ids mail);
// Where the mark of `key` (address_key.h) lies in the file.
uint64_t mark_offset(MarkKind kind, std::string_view key);
uint32_t mark_tag(std::string_view key, std::string_view value);

}  // namespace dmail::privsep

#include "privsep/tally_marks.h"

#include "base/text.h"
#include "privsep/address_key.h"

namespace dmail::privsep {

std::string tally_directory(std::string_view work_path) { return concat(work_path, "/tally"); }
std::string marks_path(std::string_view work_path) { return concat(work_path, "/tally/marks"); }

uint64_t mark_offset(MarkKind kind, std::string_view key) {
  return (static_cast<uint64_t>(kind) * kMarkSlots + spread(key) % kMarkSlots) * sizeof(Mark);
}

uint32_t mark_tag(std::string_view key, std::string_view value) {
  return static_cast<uint32_t>(spread(concat(key, '\0', value)) >> 16);
}

}  // namespace dmail::privsep

#include "privsep/tally_marks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "io/file.h"
#include "privsep/address_key.h"

namespace dmail::privsep {

std::string tally_directory(std::string_view work_path) { return concat(work_path, "/tally"); }
std::string marks_path(std::string_view work_path) { return concat(work_path, "/tally/marks"); }

void make_tally_directory(const std::string& work_path, Ids mail) {
  struct stat st {};
  const std::string path = tally_directory(work_path);
  if (!mail.valid() || mail.uid == 0) return;
  if (::stat(work_path.c_str(), &st) != 0 || st.st_uid != 0) return;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return;
  const auto directory = open_directory(path);
  if (!directory || ::fstat(directory->get(), &st) != 0 || st.st_uid != 0) return;
  // Still root's, also where one of us was killed before this.
  (void)!::fchown(directory->get(), mail.uid, mail.gid);
}

uint64_t mark_offset(MarkKind kind, std::string_view key) {
  return (static_cast<uint64_t>(kind) * kMarkSlots + spread(key) % kMarkSlots) * sizeof(Mark);
}

uint32_t mark_tag(std::string_view key, std::string_view value) {
  return static_cast<uint32_t>(spread(concat(key, '\0', value)) >> 16);
}

}  // namespace dmail::privsep

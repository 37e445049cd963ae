// dmail.conf: any bytes as lines, and as a file (without includes).  What a child is told must be
// accepted without a remark, say the same again, and show nothing of the monitor's.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "conf/settings.h"

using namespace dmail;
using namespace dmail::conf;

static void check(bool ok) {
  if (!ok) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Settings settings;
  std::vector<Remark> remarks;
  for (std::string_view line : split(text, '\n')) apply_line(settings, line, remarks, "f", 1);
  for (const Remark& remark : remarks)
    for (char c : to_text(remark)) check(c >= 0x20 && c < 0x7f);

  for (Visibility seen : {kLogin, kSession, kBoth}) {
    const std::string lines = lines_for(settings, seen);
    Settings child;
    std::vector<Remark> none;
    for (std::string_view line : split(lines, '\n')) apply_line(child, line, none);
    check(none.empty());
    check(lines_for(child, seen) == lines);
    check(child.drop_path.empty() && child.authent_process.empty());
  }

  if (text.find("#i") != std::string_view::npos) return 0;
  static const int fd = ::memfd_create("conf", MFD_CLOEXEC);
  check(::fchmod(fd, 0600) == 0 && ::ftruncate(fd, 0) == 0 &&
        ::pwrite(fd, data, size, 0) == static_cast<ssize_t>(size));
  const auto loaded = load(concat("/proc/self/fd/", fd), kTools);
  check(loaded.ok() == (size <= kMaxFile));
  if (loaded && std::count(text.begin(), text.end(), '\n') < kMaxLines)
    check(loaded->remarks.size() == remarks.size());
  return 0;
}

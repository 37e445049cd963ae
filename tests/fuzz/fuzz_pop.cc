// A whole POP3 session on a real store in a directory of its own: any bytes, cut anywhere.  The
// first byte says how the input is cut and which maildrop lies there.  Whatever comes: every reply
// is in step (+OK, -ERR or a multi-line text that ends), and QUIT leaves a maildrop that opens.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/text.h"
#include "dpopd/session.h"
#include "io/file.h"

using namespace dmail;

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

class Pieces : public Stream {
 public:
  Pieces(std::string_view input, size_t piece) : input_(input), piece_(piece) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min({into.size(), piece_, input_.size()});
    std::memcpy(into.data(), input_.data(), n);
    input_.remove_prefix(n);
    return n;
  }
  void write(std::string_view bytes, Deadline) override { output.append(bytes); }
  [[nodiscard]] int read_fd() const override { return -1; }
  std::string output;

 private:
  std::string_view input_;
  size_t piece_;
};

std::string scratch() {
  char name[] = "/tmp/dmail-fuzz-pop.XXXXXX";
  check(::mkdtemp(name) != nullptr);
  return name;
}

constexpr std::string_view kDrops[] = {
    "",
    "From a@b Sat Dec 26 09:37:48 1998\nSubject: one\n\n.\n..\n.end\n\n"
    "From a@b Sat Dec 26 09:37:49 1998\nX-UIDL: %n\n\nno end",
    "From a@b Sat Dec 26 09:37:48 1998\n\n\nFrom a@b Sat Dec 26 09:37:48 1998\n\nbody\n\n"
    "From a@b Sat Dec 26 09:37:48 1998\nA: 1\r\n\r\nCR\rLF\r\n\r\n",
    "this is no mailbox\n"};

std::string talk(const std::string& dir, std::string_view input, size_t piece) {
  privsep::SessionStart start;
  start.service = "pop";
  start.user = "joe";
  start.drop_file = dir + "/joe";
  start.folders = dir + "/joe.mbx";
  start.settings.lock_timeout = 1;
  Pieces stream(input, piece);
  log::Log log = log::Log::inherited("dpopd", "fuzz", start.settings.log_level);
  dpopd::Session session(stream, start, log);
  session.run();
  return std::move(stream.output);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  set_sync_enabled(false);
  static const std::string dir = scratch();
  const uint8_t how = data[0];
  check(replace_file(dir + "/joe", kDrops[how & 3], 0600).ok());
  const size_t piece = (how >> 4) + 1;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string out = talk(dir, input, piece == 16 ? 4096 : piece);
  check(out.starts_with("+OK ") || out.starts_with("-ERR "));
  check(out.ends_with("\r\n"));
  if ((how & 3) != 3) check(talk(dir, "STAT\r\nQUIT\r\n", 4096).starts_with("+OK burst ok"));
  return 0;
}

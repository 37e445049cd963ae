// A whole SMTP or LMTP dialogue against a fake monitor: any bytes, cut anywhere.  The first byte
// says how. Whatever comes: no reply holds a byte it must not, and no message has a bare CR or LF.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "dsmtpd/by_hand.h"
#include "dsmtpd/session.h"
#include "io/connection_over.h"

using namespace dmail;
using namespace dmail::dsmtpd;

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
  void write(std::string_view bytes, Deadline) override {
    for (const char c : bytes) check(c == '\r' || c == '\n' || (c >= 0x20 && c < 0x7f));
  }
  [[nodiscard]] int read_fd() const override { return -1; }

 private:
  std::string_view input_;
  size_t piece_;
};

void check_message(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') check(i > 0 && text[i - 1] == '\r');
    if (text[i] == '\r') check(i + 1 < text.size() && text[i + 1] == '\n');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t how = data[0];
  SessionFacts facts{Service::Smtp,  "host.example", "192.0.2.7",
                     (how & 4) != 0, (how & 8) != 0, true};
  if ((how & 3) == 1) facts.service = Service::Lmtp;
  if ((how & 3) == 2) facts.service = Service::Submission;
  const size_t piece = (how >> 4) + 1;
  Pieces stream({reinterpret_cast<const char*>(data) + 1, size - 1}, piece == 16 ? 4096 : piece);
  conf::Settings settings;
  settings.message_size_limit = 1024;
  settings.smtp_max_errors = 1000;
  LineReader in(stream);
  BufferedWriter buffer(stream, 1000);
  ReplyWriter out(buffer);
  ByHandBackend backend("host.example");
  Session session(facts, settings, in, out, backend);
  try {
    session.run();
    out.flush();
  } catch (const ConnectionOver&) {
    out.flush();
  }
  check_message(backend.last_message());
  check(backend.last_message().size() <= 1024);
  return 0;
}

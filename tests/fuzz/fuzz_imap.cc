// A whole IMAP session on the store in memory: whatever the client sends, the session ends, in
// step, and every line it writes outside literals is printable.  The first byte says in what pieces
// the input arrives.
#include <cstdlib>

#include "base/number.h"

#include "tests/unit/imapd/fake_store.cc"
#include "tests/unit/imapd/talk.h"

using namespace dmail;
using namespace dmail::imapd::test;

namespace {

constexpr const char* kMail =
    "From: Joe <joe@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Date: Wed, 16 Aug 2000 14:11:15 +1200\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\nHello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
    "in\r\n\r\ntext\r\n--b--\r\n";

// Reads the output as a client does: lines, and literals by their announcement.
void check_output(std::string_view out) {
  while (!out.empty()) {
    const size_t end = out.find("\r\n");
    if (end == std::string_view::npos) std::abort();
    const std::string_view line = out.substr(0, end);
    for (char c : line)
      if (c == '\r' || c == '\n' || c == '\0') std::abort();
    out.remove_prefix(end + 2);
    const size_t open = line.rfind('{');
    if (open == std::string_view::npos || line.back() != '}') continue;
    const auto size = parse_u64(line.substr(open + 1, line.size() - open - 2));
    if (!size) continue;
    if (*size > out.size()) std::abort();
    out.remove_prefix(*size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  FakeStore store;
  FakeFolder& inbox = store.folder("INBOX");
  inbox.add(kMail, store::kSeen, 966391875, 720);
  inbox.add("Subject: two\r\n\r\nsecond\r\n", store::kDeleted, 0, 0);
  inbox.add("no header at all", 0, 1000000000, -600);
  if (!store.create("work/sub")) std::abort();
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  imapd::SessionConfig config;
  config.message_size_limit = 4096;
  check_output(
      talk(store, "s SELECT INBOX\r\n" + input, config, data[0] % 16 < 8 ? 4096 : data[0] % 16));
  return 0;
}

// Another server that says anything at all: one login or delivery with its bytes as input. Whatever
// it says, the client gets one bounded piece that ends in its own tagged line, or every recipient
// one answer; nothing is written that holds a line end of the server's making.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "io/connection_over.h"
#include "privsep/xclient.h"
#include "tools/proxy/imap_login.h"
#include "tools/proxy/lmtp_send.h"
#include "tools/proxy/pop_login.h"

namespace {

using namespace dmail;

class Bytes : public Stream {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min(into.size(), left_.size());
    std::copy_n(left_.begin(), n, into.begin());
    left_.remove_prefix(n);
    return n;
  }
  void write(std::string_view bytes, Deadline) override { written += bytes.size(); }
  [[nodiscard]] int read_fd() const override { return -1; }
  size_t written = 0;

 private:
  std::string_view left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const char kind = static_cast<char>(data[0]);
  if (kind == 'x') {
    // What a peer says of its client: whatever it is, the monitor can take it.
    auto said = privsep::parse_xclient({reinterpret_cast<const char*>(data) + 1, size - 1});
    if (said && !said->client.client_ip.empty() &&
        privsep::plain_address(said->client.client_ip) != said->client.client_ip)
      std::abort();
    return 0;
  }
  Bytes stream({reinterpret_cast<const char*>(data) + 1, size - 1});
  proxy::Backend backend(stream, Deadline::in_seconds(60),
                         [&] { return Result<Stream*>(&stream); });
  privsep::RemoteJob job;
  job.user = "ann";
  job.password = "secret";
  job.tag = "a1";
  job.client_ip = "192.0.2.1";
  if (kind == 'I' || kind == 'P' || kind == 'L') job.tls = privsep::RemoteTls::Start;
  if (kind == 'i' || kind == 'I') {
    auto said = proxy::imap_login(backend, job);
    if (said &&
        (said->size() > 64 * 1024 || !said->ends_with("\r\n") || said->find("a1 OK") == said->npos))
      std::abort();
  } else if (kind == 'p' || kind == 'P') {
    auto said = proxy::pop_login(backend, job);
    if (said && (said->find('\n') != said->size() - 1 || said->size() > 16 * 1024)) std::abort();
  } else {
    const std::vector<std::string> recipients = {"a@b", "c@d"};
    job.recipients = recipients.size();
    proxy::LmtpMessage message;
    message.read = [](std::span<char>) { return Result<size_t>(size_t{0}); };
    size_t answers = 0;
    proxy::lmtp_send(backend, job, recipients, message, [&](const proxy::LmtpReply& reply) {
      ++answers;
      if (reply.code < 200 || reply.code > 599 || reply.text.size() > 500 ||
          reply.text.find_first_of("\r\n") != reply.text.npos)
        std::abort();
    });
    if (answers != recipients.size()) std::abort();
  }
  return 0;
}

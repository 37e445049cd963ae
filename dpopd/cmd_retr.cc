// RETR and TOP: message text.
#include "base/number.h"
#include "base/text.h"
#include "dpopd/command_table.h"
#include "dpopd/dot_writer.h"
#include "dpopd/session.h"
#include "io/connection_over.h"

namespace dmail::dpopd {
namespace {

// Passes the header and `lines` lines of the body on, then swallows the rest.
class TopSink : public ByteSink {
 public:
  TopSink(ByteSink& to, uint64_t header_octets, uint64_t lines)
      : to_(&to), header_left_(header_octets), lines_left_(lines) {}

  void write(std::string_view bytes) override {
    const size_t head =
        bytes.size() < header_left_ ? bytes.size() : static_cast<size_t>(header_left_);
    size_t take = head;
    header_left_ -= head;
    while (lines_left_ > 0 && take < bytes.size()) {
      const size_t lf = bytes.find('\n', take);
      if (lf == std::string_view::npos) {
        take = bytes.size();
      } else {
        take = lf + 1;
        --lines_left_;
      }
    }
    if (take > 0) to_->write(bytes.substr(0, take));
  }
  [[nodiscard]] bool full() const { return header_left_ == 0 && lines_left_ == 0; }

 private:
  ByteSink* to_;
  uint64_t header_left_;
  uint64_t lines_left_;
};

constexpr uint64_t kTopWindow = 64 * 1024;

}  // namespace

Outcome cmd_retr(Session& s, Arguments arguments) {
  Outcome why;
  const uint32_t n = s.message_number(arguments[0], why);
  if (n == 0) return why;
  const uint64_t size = s.mailbox().info(n).size;
  // The header is asked for first: an error must come before the +OK.
  if (auto probe = s.mailbox().header(n); !probe) return failed(probe.error());
  s.out().write(concat("+OK ", size, " octets\r\n"));
  DotWriter dots(s.out());
  if (Status sent = s.mailbox().send(n, 0, size, dots); !sent) return failed(sent.error());
  dots.finish();
  s.mark_read(n);
  return Outcome::sent();
}

Outcome cmd_top(Session& s, Arguments arguments) {
  const auto lines = parse_u64(arguments[1]);
  if (!lines) return Outcome::bad("the number of lines is no number");
  Outcome why;
  const uint32_t n = s.message_number(arguments[0], why);
  if (n == 0) return why;
  auto header = s.mailbox().header(n);
  if (!header) return failed(header.error());
  const uint64_t header_octets = header->size();
  const uint64_t size = s.mailbox().info(n).size;
  s.out().write("+OK top of message follows\r\n");
  DotWriter dots(s.out());
  TopSink top(dots, header_octets, *lines);
  for (uint64_t at = 0; at < size && !top.full(); at += kTopWindow) {
    const uint64_t piece = size - at < kTopWindow ? size - at : kTopWindow;
    if (Status sent = s.mailbox().send(n, at, piece, top); !sent)
      throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, sent.error().log);
  }
  dots.finish();
  return Outcome::sent();
}

}  // namespace dmail::dpopd

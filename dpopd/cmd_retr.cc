// RETR and TOP: message text.
#include "base/number.h"
#include "base/text.h"
#include "dpopd/command_table.h"
#include "dpopd/dot_writer.h"
#include "dpopd/session.h"
#include "dpopd/top_filter.h"
#include "io/connection_over.h"

namespace dmail::dpopd {
namespace {

constexpr uint64_t kTopWindow = 64 * 1024;

// An error as the reply where nothing was said yet; in the middle of a message only the end of the
// connection tells the client that it has not got it.
Outcome broken_off(Session& s, const DotWriter& dots, const Error& error) {
  if (dots.begun()) throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, error.log);
  return s.failed("command-failed", error);
}

}  // namespace

Outcome cmd_retr(Session& s, Arguments arguments) {
  Outcome why;
  const uint32_t n = s.message_number(arguments[0], why);
  if (n == 0) return why;
  const uint64_t size = s.mailbox().info(n).size;
  DotWriter dots(s.out(), concat("+OK ", size, " octets"));
  if (Status sent = s.mailbox().send(n, 0, size, dots); !sent)
    return broken_off(s, dots, sent.error());
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
  const uint64_t size = s.mailbox().info(n).size;
  DotWriter dots(s.out(), "+OK top of message follows");
  TopFilter top(dots, *lines);
  for (uint64_t at = 0; at < size && !top.full(); at += kTopWindow) {
    const uint64_t piece = size - at < kTopWindow ? size - at : kTopWindow;
    if (Status sent = s.mailbox().send(n, at, piece, top); !sent)
      return broken_off(s, dots, sent.error());
  }
  dots.finish();
  return Outcome::sent();
}

}  // namespace dmail::dpopd

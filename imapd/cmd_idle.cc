// IDLE (RFC 2177): the session waits for the client and for changes of the mailbox at once.
#include <algorithm>

#include "base/ascii.h"
#include "imapd/session.h"
#include "io/client_stream.h"
#include "io/connection_over.h"

namespace dmail::imapd {
namespace {

constexpr int kLookMs = 1000;  // where the store has nothing to wait on
constexpr int kAgainMs = 300;  // a second look, for a writer that hadn't finished at the first

// Until the client says something.  The watch was there before the last sync(), so that nothing
// falls between the two.
void wait_for_client(Session& session, Deadline end) {
  const bool selected = session.selected();
  const int client = session.stream().read_fd();
  if (!session.reader().ready()) session.wait_quietly();
  bool again = false;
  const int64_t notify = session.idle_notify_ms();
  Deadline sign = Deadline::in_ms(notify);
  while (!session.ended() && !session.reader().ready() && client >= 0) {
    session.reply().flush();
    const int watch = selected ? session.mailbox().watch_fd() : -1;
    int look = again ? kAgainMs : selected && watch < 0 ? kLookMs : end.left_ms();
    if (notify > 0) look = std::min(look, sign.left_ms());
    const Event event =
        wait_event(client, watch, look < end.left_ms() ? Deadline::in_ms(look) : end);
    if (event == Event::Input) return;
    if (end.passed()) throw ConnectionOver(ConnectionOver::Why::Timeout, "idle for too long");
    if (notify > 0 && sign.passed()) {
      session.reply().buffer() += "* OK Still here\r\n";
      sign = Deadline::in_ms(notify);
    }
    again = event == Event::Watch;
    if (again) session.mailbox().clear_watch();
    if (selected) session.tell_updates(true);
  }
}

}  // namespace

Outcome cmd_idle(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.reply().continuation("idling");
  if (session.selected()) {
    (void)session.mailbox().watch_fd();
    session.tell_updates(true);
  }
  wait_for_client(session, session.idle_deadline());
  if (session.ended()) return Outcome::ok();
  const auto line = session.reader().read_plain_line();
  if (!line) throw ConnectionOver(ConnectionOver::Why::PeerClosed, "end in IDLE");
  return iequals(*line, "DONE") ? Outcome::ok() : Outcome::bad("DONE expected");
}

}  // namespace dmail::imapd

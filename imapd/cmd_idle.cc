// IDLE (RFC 2177): the session waits for the client and for changes of the mailbox at once.
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
  if (!session.selected()) return;
  const int client = session.stream().read_fd();
  if (!session.reader().ready()) session.wait_quietly();
  bool again = false;
  while (!session.ended() && !session.reader().ready() && client >= 0) {
    session.reply().flush();
    const int watch = session.mailbox().watch_fd();
    const int look = again ? kAgainMs : watch < 0 ? kLookMs : end.left_ms();
    const Event event =
        wait_event(client, watch, look < end.left_ms() ? Deadline::in_ms(look) : end);
    if (event == Event::Input) return;
    if (end.passed()) throw ConnectionOver(ConnectionOver::Why::Timeout, "idle for too long");
    again = event == Event::Watch;
    if (again) session.mailbox().clear_watch();
    session.tell_updates(true);
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

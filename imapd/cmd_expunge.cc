// CHECK EXPUNGE, and UID EXPUNGE (RFC 4315 section 2.1).  The EXPUNGE data itself is told with all
// other updates, before the tagged line.
#include "imapd/session.h"

namespace dmail::imapd {

// Everything acknowledged is on disk already.
Outcome cmd_check(Session&, Parser& parser) {
  parser.expect_end();
  return parser.failed() ? Outcome::bad(parser.error()) : Outcome::ok();
}

Outcome cmd_expunge(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  Status done = session.mailbox().expunge();
  return done ? Outcome::ok() : Outcome::failed(done.error());
}

Outcome cmd_uid_expunge(Session& session, Parser& parser) {
  parser.expect_sp();
  const std::string_view set = parser.expect_sequence_set();
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  const auto numbers = session.view().numbers(set, true);
  if (!numbers) return Outcome::bad("Invalid message set");
  if (numbers->empty()) return Outcome::ok();
  const UidSet uids = session.view().uids(*numbers);
  Status done = session.mailbox().expunge(&uids);
  return done ? Outcome::ok() : Outcome::failed(done.error());
}

}  // namespace dmail::imapd

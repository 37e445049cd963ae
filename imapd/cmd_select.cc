// SELECT EXAMINE CLOSE UNSELECT.
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

Outcome open_mailbox(Session& session, Parser& parser, bool read_only) {
  parser.expect_sp();
  const std::string wanted = parser.expect_mailbox();
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  // Also when it fails, no mailbox is selected any more (RFC 3501 section 6.3.1).
  session.close_view();
  const auto name = session.mailbox_name(wanted);
  if (!name) return Outcome::failed(name.error());
  auto mailbox = session.store().select(*name, read_only);
  if (!mailbox) return Outcome::failed(mailbox.error());
  session.open_view(std::move(*mailbox));
  session.view().announce_opened();
  return Outcome::ok(session.mailbox().read_only() ? "READ-ONLY" : "READ-WRITE");
}

}  // namespace

Outcome cmd_select(Session& session, Parser& parser) {
  return open_mailbox(session, parser, false);
}

Outcome cmd_examine(Session& session, Parser& parser) {
  return open_mailbox(session, parser, true);
}

Outcome cmd_close(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  Status expunged;
  if (!session.mailbox().read_only()) expunged = session.mailbox().expunge();
  session.close_view();
  return expunged ? Outcome::ok() : Outcome::failed(expunged.error());
}

Outcome cmd_unselect(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.close_view();
  return Outcome::ok();
}

}  // namespace dmail::imapd

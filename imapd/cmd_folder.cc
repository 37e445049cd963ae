// CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE.
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

// "foo/" announces a name to be used as a parent (RFC 3501 section 6.3.3); every name can be.
std::string_view without_slash(std::string_view name) {
  if (name.size() > 1 && name.back() == '/') name.remove_suffix(1);
  return name;
}

// One mailbox argument, checked, given to `act`.
template <typename Act>
Outcome with_mailbox(Session& session, Parser& parser, Act act) {
  parser.expect_sp();
  const std::string wanted = parser.expect_mailbox();
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  const auto name = session.mailbox_name(without_slash(wanted));
  if (!name) return Outcome::failed(name.error());
  Status done = act(*name);
  return done ? Outcome::ok() : Outcome::failed(done.error());
}

}  // namespace

Outcome cmd_create(Session& session, Parser& parser) {
  return with_mailbox(session, parser,
                      [&](const std::string& name) { return session.store().create(name); });
}

Outcome cmd_delete(Session& session, Parser& parser) {
  return with_mailbox(session, parser, [&](const std::string& name) {
    Status gone = session.store().remove(name);
    // Its own doing is no surprise to the client: no mailbox is selected any more, and no BYE.
    if (gone && session.selected() && session.mailbox().name() == name) session.close_view();
    return gone;
  });
}

Outcome cmd_subscribe(Session& session, Parser& parser) {
  return with_mailbox(session, parser, [&](const std::string& name) {
    return session.store().subscribe(name, true);
  });
}

// Any name that can stand in the list.
Outcome cmd_unsubscribe(Session& session, Parser& parser) {
  parser.expect_sp();
  const std::string wanted = parser.expect_mailbox();
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  Status done = session.store().subscribe(without_slash(wanted), false);
  return done ? Outcome::ok() : Outcome::failed(done.error());
}

Outcome cmd_rename(Session& session, Parser& parser) {
  parser.expect_sp();
  const std::string wanted_from = parser.expect_mailbox();
  parser.expect_sp();
  const std::string wanted_to = parser.expect_mailbox();
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  const auto from = session.mailbox_name(without_slash(wanted_from));
  if (!from) return Outcome::failed(from.error());
  const auto to = session.mailbox_name(without_slash(wanted_to));
  if (!to) return Outcome::failed(to.error());
  Status done = session.store().rename(*from, *to);
  return done ? Outcome::ok() : Outcome::failed(done.error());
}

}  // namespace dmail::imapd

// CAPABILITY NOOP LOGOUT ID ENABLE, and what belongs before login.
#include "imapd/capability.h"
#include "imapd/limits.h"
#include "imapd/session.h"

namespace dmail::imapd {

Outcome cmd_capability(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.reply().untagged("CAPABILITY ", kCapabilities);
  return Outcome::ok();
}

Outcome cmd_noop(Session&, Parser& parser) {
  parser.expect_end();
  return parser.failed() ? Outcome::bad(parser.error()) : Outcome::ok();
}

Outcome cmd_logout(Session& session, Parser& parser) {
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.close_view();
  session.end("dmail server logging out", "logout");
  return Outcome::ok();
}

// id = "ID" SP ("(" #(string SP nstring) ")" / nil)
Outcome cmd_id(Session& session, Parser& parser) {
  parser.expect_sp();
  if (!parser.take_word("NIL")) {
    parser.expect('(');
    size_t pairs = 0;
    while (!parser.at_end() && !parser.next_is(')')) {
      if (pairs++ > 0) parser.expect_sp();
      (void)parser.expect_string();
      parser.expect_sp();
      (void)parser.expect_nstring();
      if (pairs > kMaxIdPairs) parser.fail("Too many pairs");
    }
    parser.expect(')');
  }
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  session.reply().untagged("ID (\"name\" \"dmail\" \"version\" \"", DMAIL_VERSION, "\")");
  return Outcome::ok();
}

// Nothing to enable yet: every name is one we don't know (RFC 5161 section 3.1).
Outcome cmd_enable(Session& session, Parser& parser) {
  do {
    parser.expect_sp();
    (void)parser.expect_atom();
  } while (!parser.at_end());
  if (parser.failed()) return Outcome::bad(parser.error());
  session.reply().untagged("ENABLED");
  return Outcome::ok();
}

Outcome cmd_before_login(Session&, Parser&) { return Outcome::bad("Already logged in"); }

}  // namespace dmail::imapd

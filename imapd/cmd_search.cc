// SEARCH and UID SEARCH (RFC 3501 section 6.4.4).  Hits go into the reply as they are found.
#include "imapd/search_match.h"
#include "imapd/session.h"
#include "io/clock.h"
#include "mail/decode.h"

namespace dmail::imapd {
namespace {

// The messages to look at: those a sequence set of the outermost level names, else all.
UidSet candidates(const SearchKey& root, uint32_t count) {
  for (const SearchKey& key : root.keys)
    if (key.kind == SearchKey::Kind::Numbers) return key.numbers;
  UidSet all;
  if (count > 0) all.add(1, count);
  return all;
}

Outcome search(Session& session, Parser& parser, bool uid) {
  const SearchProgram program = expect_search_program(parser, session.view());
  if (program.bad_charset)
    return Outcome::no("BADCHARSET (" + std::string(mail::charset_names()) + ")",
                       "Charset is not known");
  if (parser.failed()) return Outcome::bad(parser.error());

  store::Mailbox& mailbox = session.mailbox();
  SearchMatcher matcher(mailbox, wall_seconds());
  std::string& b = session.reply().buffer();
  b += "* SEARCH";
  const UidSet looked_at = candidates(program.root, mailbox.count());
  for (const UidRange& range : looked_at.ranges())
    for (uint32_t n = range.first; n <= range.last; ++n) {
      if (!matcher.matches(program.root, n)) continue;
      b += ' ';
      append(b, uid ? matcher.uid() : n);
      session.reply().flush_if_full();
    }
  b += "\r\n";
  Outcome outcome = Outcome::ok();
  outcome.log = matcher.trouble();
  return outcome;
}

}  // namespace

Outcome cmd_search(Session& session, Parser& parser) { return search(session, parser, false); }
Outcome cmd_uid_search(Session& session, Parser& parser) { return search(session, parser, true); }

}  // namespace dmail::imapd

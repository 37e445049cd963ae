// STORE and UID STORE (RFC 3501 section 6.4.6).
#include "imapd/flag_arguments.h"
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
store::FlagChange expect_change(Parser& parser, bool& silent) {
  store::FlagChange change;
  change.action = parser.take('+')   ? store::FlagAction::Add
                  : parser.take('-') ? store::FlagAction::Remove
                                     : store::FlagAction::Replace;
  silent = parser.take_word("FLAGS.SILENT");
  if (!silent && !parser.take_word("FLAGS")) parser.fail("FLAGS expected");
  parser.expect_sp();
  FlagArguments arguments = expect_store_flags(parser);
  change.flags = arguments.flags;
  change.keywords = std::move(arguments.keywords);
  return change;
}

void tell_flags(Session& session, const UidSet& numbers, bool with_uid) {
  store::Mailbox& mailbox = session.mailbox();
  std::string& b = session.reply().buffer();
  for (const UidRange& range : numbers.ranges())
    for (uint32_t n = range.first; n <= range.last; ++n) {
      const store::MessageInfo info = mailbox.info(n);
      b += "* ";
      append(b, n);
      b += " FETCH (";
      if (with_uid) {
        b += "UID ";
        append(b, info.uid);
        b += ' ';
      }
      b += "FLAGS ";
      append_flag_list(b, info, mailbox.keyword_names());
      b += ")\r\n";
      session.reply().flush_if_full();
    }
}

UidSet without(const UidSet& numbers, const std::vector<uint32_t>& left_out) {
  if (left_out.empty()) return numbers;
  UidSet out;
  auto gone = left_out.begin();
  for (const UidRange& range : numbers.ranges())
    for (uint32_t n = range.first; n <= range.last; ++n) {
      while (gone != left_out.end() && *gone < n) ++gone;
      if (gone == left_out.end() || *gone != n) out.add(n);
    }
  return out;
}

Outcome store_flags(Session& session, Parser& parser, bool uid) {
  parser.expect_sp();
  const std::string_view set = parser.expect_sequence_set();
  parser.expect_sp();
  bool silent = false;
  const store::FlagChange change = expect_change(parser, silent);
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  const auto numbers = session.view().numbers(set, uid);
  if (!numbers) return Outcome::bad("Invalid message set");
  if (numbers->empty()) return Outcome::ok();

  const auto done = session.mailbox().change_flags(*numbers, change);
  if (!done) return Outcome::failed(done.error());
  session.view().announce_keywords();
  if (done->keywords_full)
    return Outcome::no("LIMIT", "No room for another keyword in this mailbox");
  if (!silent) tell_flags(session, without(*numbers, done->gone), uid);
  // RFC 2180 section 4.2: of messages that somebody else expunged meanwhile the client hears by
  // EXPUNGE; it is an error only where nothing is left to change.  A UID that is no more is none
  // (RFC 3501 section 6.4.8).
  if (!silent && !uid && !done->gone.empty() && done->gone.size() == numbers->count())
    return Outcome::no("EXPUNGEISSUED", "None of the messages exists any more");
  return Outcome::ok();
}

}  // namespace

Outcome cmd_store(Session& session, Parser& parser) { return store_flags(session, parser, false); }
Outcome cmd_uid_store(Session& session, Parser& parser) {
  return store_flags(session, parser, true);
}

}  // namespace dmail::imapd

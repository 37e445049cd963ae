// FETCH and UID FETCH (RFC 3501 section 6.4.5).
#include "imapd/fetch_send.h"
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

using Kind = FetchItem::Kind;

// Marks what is about to be read as \Seen; the numbers whose flags changed.
UidSet mark_seen(Session& session, const UidSet& numbers) {
  store::Mailbox& mailbox = session.mailbox();
  UidSet unseen, changed;
  for (const UidRange& range : numbers.ranges())
    for (uint32_t n = range.first; n <= range.last; ++n)
      if ((mailbox.info(n).flags & store::kSeen) == 0) unseen.add(n);
  if (unseen.empty()) return changed;
  auto done =
      mailbox.change_flags(unseen, {store::FlagAction::Add, store::kSeen, {}, std::nullopt});
  // Mail can be read though the flag can't be written (a full disk).
  if (!done)
    session.log(done.error());
  else
    for (const uint32_t n : done->changed) changed.add(n);
  return changed;
}

Outcome fetch(Session& session, Parser& parser, bool uid) {
  parser.expect_sp();
  const std::string_view set = parser.expect_sequence_set();
  parser.expect_sp();
  FetchPlan plan = expect_fetch_plan(parser);
  parser.expect_end();
  if (parser.failed()) return Outcome::bad(parser.error());
  if (uid) plan.add_uid();
  const auto numbers = session.view().numbers(set, uid);
  if (!numbers) return Outcome::bad("Invalid message set");

  store::Mailbox& mailbox = session.mailbox();
  const bool marks = plan.sets_seen && !mailbox.read_only();
  const UidSet changed = marks ? mark_seen(session, *numbers) : UidSet();
  const bool asked = plan.has(Kind::Flags);
  session.counts().fetched += numbers->count();
  FetchSender sender(mailbox, session.reply(), plan);
  for (const UidRange& range : numbers->ranges())
    for (uint32_t n = range.first; n <= range.last; ++n)
      sender.send(n, !asked && !changed.empty() && changed.contains(n));
  if (!sender.failure()) return Outcome::ok();
  const Error& error = *sender.failure();
  if (error.kind != ErrorKind::NotFound) return Outcome::failed(error);
  return Outcome::no("EXPUNGEISSUED", "Some of the messages no longer exist");
}

}  // namespace

Outcome cmd_fetch(Session& session, Parser& parser) { return fetch(session, parser, false); }
Outcome cmd_uid_fetch(Session& session, Parser& parser) { return fetch(session, parser, true); }

}  // namespace dmail::imapd

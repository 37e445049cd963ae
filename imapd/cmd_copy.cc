// COPY and MOVE (RFC 3501 section 6.4.7, RFC 6851) with COPYUID (RFC 4315).
#include "imapd/session.h"

namespace dmail::imapd {
namespace {

struct CopyArguments {
  UidSet numbers;
  std::string target;
};

Result<CopyArguments> copy_arguments(Session& session, Parser& parser, bool uid, Outcome& refused) {
  parser.expect_sp();
  const std::string_view set = parser.expect_sequence_set();
  parser.expect_sp();
  const std::string wanted = parser.expect_mailbox();
  parser.expect_end();
  const Error stop{ErrorKind::BadInput, {}, {}};
  if (parser.failed()) {
    refused = Outcome::bad(parser.error());
    return stop;
  }
  auto numbers = session.view().numbers(set, uid);
  if (!numbers) {
    refused = Outcome::bad("Invalid message set");
    return stop;
  }
  auto name = session.mailbox_name(wanted);
  if (!name) {
    refused = Outcome::failed(name.error(), Outcome::Missing::TryCreate);
    return stop;
  }
  return CopyArguments{std::move(*numbers), std::move(*name)};
}

Outcome copy_failed(Session& session, const CopyArguments& arguments, const Error& error) {
  // NotFound is the target's, or a source message's that somebody else expunged.
  if (error.kind == ErrorKind::NotFound && session.store().lookup(arguments.target))
    return Outcome::no("EXPUNGEISSUED", "Some of the messages no longer exist");
  return Outcome::failed(error, Outcome::Missing::TryCreate);
}

// "COPYUID validity source target", the two sets pairwise (neither in another order than the
// other).
std::string copyuid(const store::CopyOutcome& done) {
  if (done.uid_validity == 0 || done.from.empty()) return {};
  UidSet from, to;
  for (const uint32_t uid : done.from) from.add(uid);
  for (const uint32_t uid : done.to) to.add(uid);
  return concat("COPYUID ", done.uid_validity, " ", from.to_string(), " ", to.to_string());
}

Outcome copy(Session& session, Parser& parser, bool uid) {
  Outcome refused;
  const auto arguments = copy_arguments(session, parser, uid, refused);
  if (!arguments) return refused;
  if (arguments->numbers.empty()) return Outcome::ok();
  const auto done = session.mailbox().copy(arguments->numbers, session.store(), arguments->target);
  if (!done) return copy_failed(session, *arguments, done.error());
  return Outcome::ok(copyuid(*done));
}

// COPYUID comes before the EXPUNGE responses (RFC 6851 section 4.3).
Outcome move(Session& session, Parser& parser, bool uid) {
  Outcome refused;
  const auto arguments = copy_arguments(session, parser, uid, refused);
  if (!arguments) return refused;
  if (arguments->numbers.empty()) return Outcome::ok();
  const auto done = session.mailbox().move(arguments->numbers, session.store(), arguments->target);
  if (!done) return copy_failed(session, *arguments, done.error());
  if (const std::string code = copyuid(*done); !code.empty())
    session.reply().untagged("OK [", code, "] Moved");
  return Outcome::ok();
}

}  // namespace

Outcome cmd_copy(Session& session, Parser& parser) { return copy(session, parser, false); }
Outcome cmd_uid_copy(Session& session, Parser& parser) { return copy(session, parser, true); }
Outcome cmd_move(Session& session, Parser& parser) { return move(session, parser, false); }
Outcome cmd_uid_move(Session& session, Parser& parser) { return move(session, parser, true); }

}  // namespace dmail::imapd

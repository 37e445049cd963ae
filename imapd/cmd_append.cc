// APPEND (RFC 3501 section 6.3.11) with several messages (RFC 3502) and APPENDUID (RFC 4315).
//
// All that can refuse is asked before the client is told to send: name, size, quota.  The message
// goes piece by piece to the store's Appender, which stores all messages of the command or none.
#include "imapd/flag_arguments.h"
#include "imapd/limits.h"
#include "imapd/session.h"
#include "io/connection_over.h"
#include "mail/mail_date.h"

namespace dmail::imapd {
namespace {

// [SP flag-list] [SP date-time] SP literal
store::Appender::Meta expect_meta(Parser& parser) {
  store::Appender::Meta meta;
  parser.expect_sp();
  if (parser.next_is('(')) {
    FlagArguments arguments = expect_flag_list(parser);
    meta.flags = arguments.flags;
    meta.keywords = std::move(arguments.keywords);
    parser.expect_sp();
  }
  if (parser.next_is('"')) {
    const auto date = mail::parse_imap_date_time(parser.expect_string());
    if (!date) parser.fail("Invalid date and time");
    if (date) {
      meta.internal_date = date->seconds;
      meta.zone_minutes = date->zone_minutes;
    }
    parser.expect_sp();
  }
  parser.expect_announcement();
  return meta;
}

class AppendCommand {
 public:
  explicit AppendCommand(Session& session) : session_(&session), reader_(&session.reader()) {}

  Outcome run(Parser& parser) {
    parser.expect_sp();
    const std::string wanted = parser.expect_mailbox();
    store::Appender::Meta meta = expect_meta(parser);
    if (parser.failed() || !reader_->message())
      return Outcome::bad(parser.failed() ? parser.error() : "Message literal expected");
    const auto name = session_->mailbox_name(wanted);
    if (!name) return Outcome::failed(name.error(), Outcome::Missing::TryCreate);
    auto appender = session_->store().append(*name);
    if (!appender) return Outcome::failed(appender.error(), Outcome::Missing::TryCreate);
    appender_ = std::move(*appender);
    return take_all(std::move(meta));
  }

 private:
  Outcome take_all(store::Appender::Meta meta) {
    for (size_t count = 1;; ++count) {
      if (auto refused = refusal(reader_->message()->size)) return *refused;
      if (count > kMaxAppendMessages) return Outcome::no("LIMIT", "Too many messages");
      if (auto failed = take_message(std::move(meta))) return *failed;
      if (!reader_->continue_line())
        throw ConnectionOver(ConnectionOver::Why::PeerClosed, "end in an APPEND");
      if (!reader_->refusal().empty()) return Outcome::bad(reader_->refusal());
      Parser parser(reader_->text());
      if (parser.at_end()) return commit();
      meta = expect_meta(parser);
      if (parser.failed() || !reader_->message()) return Outcome::bad("Message literal expected");
    }
  }

  // What can be said before the message is sent.
  std::optional<Outcome> refusal(uint64_t size) {
    const SessionConfig& config = session_->config();
    if (size == 0) return Outcome::no("CANNOT", "Message is empty");
    if (size > config.message_size_limit) return Outcome::no("TOOBIG", "Message is too large");
    announced_ += size;
    if (config.quota_bytes == 0) return std::nullopt;
    const auto quota = session_->store().quota();
    if (!quota) return Outcome::failed(quota.error());
    if (quota->limit_bytes != 0 && quota->used_bytes + announced_ > quota->limit_bytes)
      return Outcome::no("OVERQUOTA", "Not enough room in the mailbox quota");
    return std::nullopt;
  }

  std::optional<Outcome> take_message(store::Appender::Meta meta) {
    if (Status begun = appender_->begin(std::move(meta)); !begun)
      return Outcome::failed(begun.error());
    reader_->accept_message();
    bool has_nul = false;
    for (;;) {
      const std::string_view piece = reader_->read_message();
      if (piece.empty()) break;
      has_nul = has_nul || piece.find('\0') != std::string_view::npos;
      if (Status written = appender_->write(piece); !written)
        return Outcome::failed(written.error());
    }
    if (has_nul) return Outcome::no("CANNOT", "Message contains NUL bytes");
    if (Status ended = appender_->end(); !ended) return Outcome::failed(ended.error());
    return std::nullopt;
  }

  Outcome commit() {
    const auto done = appender_->commit();
    if (!done) return Outcome::failed(done.error(), Outcome::Missing::TryCreate);
    session_->counts().stored += done->uids.count();
    if (done->uid_validity == 0 || done->uids.empty()) return Outcome::ok();
    return Outcome::ok(concat("APPENDUID ", done->uid_validity, " ", done->uids.to_string()));
  }

  Session* session_;
  CommandReader* reader_;
  std::unique_ptr<store::Appender> appender_;
  uint64_t announced_ = 0;
};

}  // namespace

Outcome cmd_append(Session& session, Parser& parser) { return AppendCommand(session).run(parser); }

}  // namespace dmail::imapd

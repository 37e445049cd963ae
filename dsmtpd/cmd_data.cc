// DATA.  RFC 5321 section 4.1.1.4; with LMTP one answer for each recipient (RFC 2033 section 4.2).
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/text.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/data_pace.h"
#include "dsmtpd/data_reader.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/session.h"
#include "io/connection_over.h"
#include "io/file.h"

namespace dmail::dsmtpd {
namespace {

constexpr size_t kWriteAt = 64 * 1024;

// Appends to the spool file until the first failure, which is remembered.
class SpoolWriter {
 public:
  explicit SpoolWriter(int fd) : fd_(fd) {}
  std::string& buffer() { return buffer_; }
  void flush() {
    if (error_.empty() && !buffer_.empty()) {
      if (Status written = write_at(fd_, buffer_, at_); !written) error_ = written.error().log;
    }
    at_ += buffer_.size();
    buffer_.clear();
  }
  void flush_if_full() {
    if (buffer_.size() >= kWriteAt) flush();
  }
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }  // for the log

 private:
  int fd_;
  uint64_t at_ = 0;
  std::string buffer_;
  std::string error_;
};

// Reads to the end of data.  A sender may pause for the usual time, yet must not be slower than
// kMinDataRate over twice that: what it sent faster before buys no more.  A slot for one
// connection, and the room its message takes, are not had for a byte a minute.
void read_message(Session& session, DataReader& data, SpoolWriter& spool) {
  const int64_t pause_ms = session.settings().smtp_timeout * 1000;
  DataPace pace(2 * pause_ms, monotonic_ms());
  while (!data.at_end()) {
    const int64_t left = pace.left(monotonic_ms());
    const std::string_view bytes = session.in().read_some(
        kWriteAt, Deadline::in_ms(std::max<int64_t>(0, std::min(pause_ms, left))));
    if (bytes.empty())
      throw ConnectionOver(ConnectionOver::Why::PeerClosed, "closed in the middle of a message");
    const size_t used = data.feed(bytes, spool.buffer());
    session.in().unread(bytes.size() - used);
    pace.received(used, monotonic_ms());
    spool.flush_if_full();
    if (data.size() > static_cast<uint64_t>(session.settings().message_size_limit) + kMaxDiscard)
      return;
  }
  spool.flush();
}

// Why the message cannot be taken, whoever the recipients are; code 0 when it can.
Outcome judge(const DataReader& data, const SpoolWriter& spool, uint64_t limit) {
  if (data.bare_cr_or_lf())
    return closing(550, "5.6.11", "A CR or LF alone is in the message; lines end in CR LF");
  if (!data.at_end()) return closing(552, "5.3.4", "Message much too large");
  if (data.too_large())
    return done(552, "5.3.4", concat("Message too large; the limit is ", limit, " octets"));
  if (data.line_too_long())
    return done(554, "5.6.0", concat("A line is longer than ", kMaxTextLine, " octets"));
  if (data.hops() > kMaxHops) return done(554, "5.4.6", "Too many hops: the message is in a loop");
  if (spool.failed()) return done(452, "4.3.1", "No room for the message now");
  return done(0, "", "");
}

// Many recipients, one answer (SMTP): 250 only when the message lies with every one of them.  A
// temporary failure wins, because then the client tries again; who had it gets it twice.
class OneAnswer {
 public:
  void add(Reply reply) {
    if (rank(reply) > rank(worst_)) worst_ = std::move(reply);
  }
  Reply take() { return std::move(worst_); }

 private:
  static int rank(const Reply& reply) {
    if (reply.code < 200) return -1;
    return reply.code < 300 ? 0 : reply.code >= 500 ? 1 : 2;
  }
  Reply worst_{0, "", {}};
};

Outcome deliver(Session& session, const Envelope& envelope) {
  OneAnswer one;
  size_t answers = 0;
  Outcome outcome;
  session.backend().deliver(envelope, [&](Reply reply) {
    ++answers;
    outcome.taken = outcome.taken || reply.code == 250;
    if (!session.lmtp()) {
      one.add(std::move(reply));
    } else if (answers < envelope.recipients) {
      // Each leaves when it is known: the next delivery may take its time.
      session.out().send(reply);
      session.out().flush();
    } else {
      outcome.reply = std::move(reply);
    }
  });
  session.state().recipients = 0;  // the backend has forgotten them
  assert(answers == envelope.recipients);
  outcome.logged = true;
  if (!session.lmtp()) outcome.reply = one.take();
  return outcome;
}

}  // namespace

Outcome cmd_data(Session& session, std::string_view) {
  if (session.state().recipients == 0)
    return done(session.lmtp() ? 503 : 554, "5.5.1", "No valid recipients");
  auto spool_fd = session.backend().open_spool(session.state().announced);
  if (!spool_fd) return done(452, "4.3.1", "No room for a message now");
  session.out().send(
      done(354, "", "Send the message; end it with a line that holds only a dot").reply);
  session.out().flush();

  const auto limit = static_cast<uint64_t>(session.settings().message_size_limit);
  DataReader data(limit, session.may_send_bare_lf());
  SpoolWriter spool(*spool_fd);
  read_message(session, data, spool);

  Envelope envelope;
  envelope.helo = session.state().helo;
  envelope.protocol = session.protocol();
  envelope.sender = session.state().sender.text();
  envelope.message_id = data.message_id();
  envelope.recipients = session.state().recipients;
  Outcome outcome = judge(data, spool, limit);
  if (outcome.reply.code == 0) {
    outcome = deliver(session, envelope);
    session.state().idle_commands = 0;
    session.state().asked_recipients = 0;
    session.state().idle_since = monotonic_ms();
  } else {
    Reply logged = outcome.reply;
    if (spool.failed()) logged.lines.front() += concat(": ", spool.error());
    session.backend().message_refused(envelope, logged);
    outcome.logged = true;
    if (session.lmtp()) outcome.more.assign(envelope.recipients - 1, outcome.reply);
  }
  session.forget_mail();  // whatever came of it: the next message starts with MAIL
  return outcome;
}

}  // namespace dmail::dsmtpd

// The root monitor of one SMTP or LMTP connection: starts the session in its jail and answers its
// requests (requests.h).  Reads no byte of the client.  Every request is taken only as kRequests in
// monitor.cc permits; any surprise ends the connection.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "dsmtpd/backend.h"
#include "dsmtpd/handoff.h"
#include "dsmtpd/recipient.h"
#include "dsmtpd/relay.h"
#include "dsmtpd/requests.h"
#include "io/clock.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/gate.h"
#include "privsep/tls_files.h"

namespace dmail::dsmtpd {

inline constexpr int kMaxConnectionSeconds = 24 * 3600;

class Monitor {
 public:
  // States, as bits for the request table.
  enum State : uint32_t { Idle = 1, HasRecipients = 2, HasSpool = 4, Exchanging = 8 };
  static constexpr uint32_t kAny = Idle | HasRecipients | HasSpool;

  Monitor(conf::Settings settings, log::Log& log, privsep::Endpoints ends, Service service,
          bool tls);

  // Whether there is room for one more connection of this address; before run().
  bool take_place() { return gate_.places().take_address(ends_.client_ip); }
  void run();  // the connection is over when it returns

  // ---- for privsep::serve
  [[nodiscard]] uint32_t state() const { return state_; }
  [[nodiscard]] bool done() const { return false; }  // the session ends it by hanging up
  void on_add_recipient(privsep::Frame& frame);
  void on_forget(privsep::Frame& frame);
  void on_open_spool(privsep::Frame& frame);
  void on_deliver(privsep::Frame& frame);
  void on_message_refused(privsep::Frame& frame);
  void on_ended(privsep::Frame& frame);
  void on_authenticate(privsep::Frame& frame);
  void on_sasl_start(privsep::Frame& frame);
  void on_sasl_step(privsep::Frame& frame);
  void on_sasl_cancel(privsep::Frame& frame);
  void on_tls_facts(privsep::Frame& frame);
  void on_certificate_for(privsep::Frame& frame);
  void on_start_tls(privsep::Frame& frame);
  void on_forwarded(privsep::Frame& frame);
  void on_note(privsep::Frame& frame);

 private:
  void start_session(bool greet);
  bool end_session(bool now);  // false when it did not end as it should
  void log_end(std::string_view reason, std::string_view text = {});
  std::string all_recipients() const;
  void send(const Reply& reply);
  void check_login_place();
  Reply refuse_recipient(RecipientRefused refused, const std::string& address);
  const RelayDecision& relay();
  void follow_gate();
  Reply deliver_here(const Trace& trace, const MailFacts& mail, size_t at,
                     const std::vector<std::optional<Reply>>& replies);
  void deliver_elsewhere(const Trace& trace, const MailFacts& mail, size_t first,
                         std::vector<std::optional<Reply>>& replies);

  conf::Settings settings_;
  log::Log& log_;
  privsep::Endpoints ends_;
  Service service_;
  bool tls_;
  uint32_t state_ = Idle;
  privsep::Channel channel_;
  privsep::TlsFiles tls_files_{settings_, log_};
  pid_t session_ = -1;
  Deadline deadline_ = Deadline::in_seconds(kMaxConnectionSeconds);
  privsep::Gate gate_;
  std::optional<RelayDecision> relay_;  // of this message
  std::vector<Recipient> recipients_;
  OwnedFd spool_;
  bool passed_on_ = false;  // by another server of the site
  int forwards_ = 0;
  int64_t refused_ = 0;  // recipients, since a message was taken
  int64_t asked_ = 0;    // recipients taken, likewise
  int notes_ = 0;
  int64_t began_ = monotonic_ms();
  uint64_t stored_ = 0;            // copies of messages
  std::optional<SessionEnd> end_;  // as the session says
};

}  // namespace dmail::dsmtpd

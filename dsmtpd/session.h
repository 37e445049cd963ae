// One SMTP or LMTP dialogue (RFC 5321, RFC 2033): reads commands, checks state, dispatches by the
// command table, prints replies, ends the connection.  Knows no user, file or TLS; see backend.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "conf/settings.h"
#include "dsmtpd/backend.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/path_parser.h"
#include "dsmtpd/reply.h"
#include "io/clock.h"
#include "io/line_reader.h"
#include "io/tls.h"

namespace dmail::dsmtpd {

enum class Service { Smtp, Submission, Lmtp };

struct SessionFacts {
  Service service = Service::Smtp;
  std::string host;             // the name in greetings
  std::string client_ip;        // empty: not an internet connection
  bool tls = false;             // the connection is encrypted
  bool offer_tls = false;       // STARTTLS can be had
  bool by_hand = false;         // no early-talker check
  bool trusted_peer = false;    // it may say for whom it comes (XCLIENT)
  std::string mechanisms = {};  // that the monitor takes (privsep/mechanisms.h)
  const TlsStream* tls_stream = nullptr;
};

class Session {
 public:
  Session(const SessionFacts& facts, const conf::Settings& settings, LineReader& in,
          ReplyWriter& out, Backend& backend);

  // The banner; false when the client spoke first (it was told so, and the connection is over).
  bool greet();
  [[nodiscard]] Outcome greeting() const;
  // Until the connection is over.  Throws ConnectionOver when the peer is gone or too slow; a
  // timeout has been answered with 421 then.
  void run();

  // After run(): who ended it, quit closed or refused.
  [[nodiscard]] const char* reason() const { return reason_; }
  [[nodiscard]] bool replaced() const { return replaced_; }  // STARTTLS: another goes on
  [[nodiscard]] uint64_t commands() const { return commands_; }

  // ---- for the command handlers (cmd_*.cc)
  const SessionFacts& facts() const { return facts_; }
  const conf::Settings& settings() const { return settings_; }
  Backend& backend() { return backend_; }
  LineReader& in() { return in_; }
  ReplyWriter& out() { return out_; }
  [[nodiscard]] bool lmtp() const { return facts_.service == Service::Lmtp; }
  // SASL mechanisms that can be had here and now, blanks between; empty: no AUTH.
  [[nodiscard]] std::string mechanisms() const;
  // A password may pass in the clear: nobody else listens between the peer and us.
  [[nodiscard]] bool trusted_address() const;
  // For whom the peer says it comes: what an address allows, is asked of this one from now on.
  void set_client(std::string ip) { client_ip_ = std::move(ip); }
  [[nodiscard]] bool may_submit() const;        // logged in, or submission_from has its address
  [[nodiscard]] bool may_send_bare_lf() const;  // smtp_bare_newline_from has its address
  [[nodiscard]] Deadline command_deadline() const;
  [[nodiscard]] std::string protocol() const;  // of the trace header
  void forget_mail();                          // sender and recipients

  // State, changed only by handlers after everything was checked.
  struct State {
    std::string helo;
    bool extended = false;  // EHLO or LHLO
    bool mail = false;      // a sender is set
    Path sender;
    uint64_t announced = 0;  // octets of the message, by SIZE; 0: not known
    size_t recipients = 0;
    bool logged_in = false;
    size_t idle_commands = 0;
    int64_t idle_since = monotonic_ms();
    size_t asked_recipients = 0;  // since the last message
  };
  State& state() { return state_; }

 private:
  bool one_command();
  Outcome dispatch(std::string_view line);
  bool finish(const Outcome& outcome, std::string_view verb);

  const SessionFacts& facts_;
  const conf::Settings& settings_;
  LineReader& in_;
  ReplyWriter& out_;
  Backend& backend_;
  State state_;
  std::string client_ip_;
  size_t errors_ = 0;  // since a message was taken
  uint64_t commands_ = 0;
  const char* reason_ = "refused";
  bool replaced_ = false;
};

}  // namespace dmail::dsmtpd

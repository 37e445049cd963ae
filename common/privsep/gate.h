// Who gets in: the one path of every login of imapd, dpopd and dsmtpd, in their root monitors. Part
// of a monitor, which owns it and passes it the requests of gate_frames.h; it answers them itself.
//
// A try is an Authenticate, or an exchange from SaslStart to its end.  Each goes the same way:
//   begin_attempt   is there a try left; an address with failures waits (tally.h), and is refused
//                   unjudged when too many of its attempts wait
//   name pipeline   account::login_name; a refused name costs the same work as a wrong secret
//   the secret      the module's check or token, or dmsasl with the module's secret
//   admit           what the module's answer says of the account (switches, addresses, where its
//                   mail is; limits), the log line `login`
//   or refuse       the log line `login-failed`, the delay, which hides what was found out
// Whatever is not permitted throws ConnectionOver (ProtocolBroken).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "account/account.h"
#include "auth/authenticator.h"
#include "conf/settings.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/gate_frames.h"
#include "privsep/ids.h"
#include "privsep/monitor_parts.h"
#include "privsep/places.h"
#include "privsep/sasl_program.h"
#include "privsep/tally.h"
#include "privsep/tls_files.h"

namespace dmail::privsep {

class Gate {
 public:
  // All are the monitor's and outlive the gate; `channel` may change its socket.
  Gate(const conf::Settings& settings, log::Log& log, const Endpoints& ends,
       account::Service service, Channel& channel);
  ~Gate();

  // From now on the connection is encrypted; `files` outlives the gate.
  void set_tls(const TlsFiles& files);

  // For the start frames of the jailed programs.
  [[nodiscard]] bool may_send_password() const;  // a secret in the clear, here and now
  [[nodiscard]] std::string mechanisms() const;  // mechanisms.h
  // Random, of this connection: "<...@host>".
  const std::string& stamp();
  [[nodiscard]] const std::string& host() const { return host_; }  // for greetings

  // The requests.  TLS facts are not answered.
  void on_authenticate(Frame& frame);
  void on_sasl_start(Frame& frame);
  void on_sasl_step(Frame& frame);
  void on_sasl_cancel();
  void on_tls_facts(const Frame& frame);
  [[nodiscard]] bool exchange_open() const { return exchange_ != nullptr; }

  struct Login {
    account::Name name;
    auth::Answer answer;                      // labels, facts
    std::string user;                         // for texts and logs
    std::optional<account::Account> account;  // imap and pop
    std::string method;
    std::string password;  // of an account on another host that is proxied; wiped
    OwnedFd facts;         // session_facts.h; invalid where it could not be had
    ~Login();
  };
  // Null until a login was accepted.
  [[nodiscard]] const Login* login() const { return login_.get(); }
  // It came to nothing (the mailbox cannot be opened): a try is spent.  Sends the refusal.
  void take_back_login();

  // ends.client_ip is another than it was (a trusted proxy has said so).
  void client_known();
  void forget_password();  // of login()
  auth::Authenticator& authenticator();
  Tally& tally() { return tally_; }
  // The connection's own, and from the login on the session's: to be passed on with it.
  Places& places() { return places_; }
  // The mail user; invalid when we are not root or there is none.
  [[nodiscard]] Ids mail_ids() const { return ids_.mail; }

 private:
  using Kind = GateAnswer::Kind;
  struct Attempt {
    int64_t began = 0;  // the client's last message of it
    std::string user;   // as typed
    std::string account;
    std::string method;
    std::string name_refused;  // why, when the name is not acceptable
  };
  struct Exchange {
    std::unique_ptr<SaslProgram> program;
    int steps = 0;
    bool names_user = false;            // the mechanism says who it is, and gets no secret
    bool asked = false;                 // for the secret of attempt_.user
    std::optional<account::Name> name;  // whose secret was given out
  };

  bool begin_attempt(std::string_view user, std::string_view method);  // false: it was refused
  bool wait_for_turn();
  GateAnswer judge(std::string_view user, std::string_view secret, bool is_token);
  GateAnswer admit(account::Name name, auth::Answer answer);
  OwnedFd facts_of(const Login& login);
  GateAnswer refuse(Kind kind, const char* reason, std::string_view text);
  GateAnswer give_up(Kind kind, std::string_view text);  // nothing was tried
  [[nodiscard]] bool out_of_tries() const;
  Result<account::Name> name_of(std::string_view user);
  Status set_account(Login& login);
  void keep_password(std::string_view secret);
  void send(const GateAnswer& answer);

  // gate_sasl.cc
  Status start_exchange(const Frame& frame);
  GateAnswer run_exchange();
  Status give_secret(const std::string& user);
  GateAnswer exchange_done(const std::string& user, const std::string& acts_for);
  GateAnswer exchange_failed(const Frame& frame);
  GateAnswer exchange_died(const Error& error);

  const conf::Settings& settings_;
  log::Log& log_;
  const Endpoints& ends_;
  account::Service service_;
  Channel& channel_;
  std::string host_;
  HostIds ids_;
  Tally tally_;
  Places places_;
  const TlsFiles* tls_ = nullptr;  // of the encrypted connection
  std::string stamp_;
  std::string tls_version_, tls_cipher_;  // as the jailed process says
  bool tls_resumed_ = false;
  std::unique_ptr<auth::Authenticator> authenticator_;
  Attempt attempt_;
  OwnedFd turn_;  // to have it judged; held until it is, and a failure recorded
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Login> login_;
  int tries_ = 0;
  int cancels_ = 0;
};

}  // namespace dmail::privsep

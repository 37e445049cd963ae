// From the address in RCPT to an account, or to the reply that says why not.  Part of the root
// monitor: the address has been parsed by the session, and is only compared, split and asked about
// here.
//
// Order: forward lines of dmail.conf; is the domain local; the account; with `+` the part before
// it; postmaster becomes sysadmin where no account has that name; the module's fwd label;
// the module's host label.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "account/account.h"
#include "auth/authenticator.h"
#include "conf/settings.h"
#include "dsmtpd/reply.h"
#include "privsep/remote.h"

namespace dmail::dsmtpd {

struct Recipient {
  std::string address;  // as in RCPT, for X-Rcpt-To
  account::Account account;
  std::string base;  // the directory below which root may prepare files; empty: none
  // Its mail is on another host, where its address is `target`.
  std::optional<privsep::RemoteHost> host;
  std::string target;
};

// Where the answer came from is `log`: a few words.
struct RecipientRefused {
  Reply reply;
  std::string log;
  bool remote = false;  // of another host, as it stands: relay.h decides about it
};

inline constexpr int kMaxRedirections = 10;

class RecipientFinder {
 public:
  using Lookup = std::function<auth::Answer(const account::Name&)>;
  // `passed_on`: another host has handed us the message because the mail is here; it goes no
  // further.  `local_ip`: the address the client came to, which is as good as a name of ours.
  RecipientFinder(const conf::Settings& settings, Lookup lookup, bool passed_on = false,
                  std::string local_ip = {})
      : settings_(settings),
        lookup_(std::move(lookup)),
        passed_on_(passed_on),
        local_ip_(std::move(local_ip)) {}

  // `local` is unquoted, `domain` empty for <postmaster>; `text` the address as it stood.
  std::variant<Recipient, RecipientRefused> find(const std::string& local,
                                                 const std::string& domain,
                                                 const std::string& text) const;

 private:
  struct Step;
  Step look(const std::string& address, char separator) const;
  std::string forwarded(const std::string& address) const;
  bool elsewhere(const account::Name& name, const auth::Answer& found, const std::string& address,
                 Step& step) const;

  const conf::Settings& settings_;
  Lookup lookup_;
  bool passed_on_;
  std::string local_ip_;
};

// A refusal or acceptance in one line.
Reply answer(int code, std::string enhanced, std::string text);

}  // namespace dmail::dsmtpd

// From the address in RCPT to an account, or to the reply that says why not.  Part of the root
// monitor: the address has been parsed by the session, and is only compared, split and asked about
// here.
//
// Order: forward lines of dmail.conf; is the domain local; the account; with `+` the part before
// it; postmaster becomes sysadmin where no account has that name; the module's fwd label.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "account/account.h"
#include "auth/authenticator.h"
#include "conf/settings.h"
#include "dsmtpd/reply.h"

namespace dmail::dsmtpd {

struct Recipient {
  std::string address;  // as in RCPT, for X-Rcpt-To
  account::Account account;
  std::string base;  // the directory below which root may prepare files; empty: none
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
  RecipientFinder(const conf::Settings& settings, Lookup lookup)
      : settings_(settings), lookup_(std::move(lookup)) {}

  // `local` is unquoted, `domain` empty for <postmaster>; `text` the address as it stood.
  std::variant<Recipient, RecipientRefused> find(const std::string& local,
                                                 const std::string& domain,
                                                 const std::string& text) const;

 private:
  struct Step;
  Step look(const std::string& address, char separator) const;
  std::string forwarded(const std::string& address) const;

  const conf::Settings& settings_;
  Lookup lookup_;
};

// A refusal or acceptance in one line.
Reply answer(int code, std::string enhanced, std::string text);

}  // namespace dmail::dsmtpd

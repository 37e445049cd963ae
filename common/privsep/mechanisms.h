// The SASL mechanisms that there are, and which of them one connection may use.  Monitor and jailed
// programs share this: the one enforces what the others offer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "account/account.h"
#include "conf/settings.h"

namespace dmail::privsep {

struct Mechanism {
  std::string_view name;      // as it is offered
  bool clear = false;         // the client sends its secret: taken apart in the jail, no dmsasl
  bool token = false;         // that secret is a bearer token
  bool tls = false;           // exists only inside TLS
  bool certificate = false;   // needs a client certificate
  bool keytab = false;        // needs our keys for Kerberos
  bool names_user = false;    // itself, without a secret of ours
  bool server_first = false;  // an initial response is a fault
  bool sasl = true;           // false: APOP, which is a command of its own
};
// By its name in any case; nullptr when there is none of that name.
const Mechanism* find_mechanism(std::string_view name);

struct Circumstances {
  bool tls = false;
  bool plaintext_ok = false;  // the address may send a secret in the clear
  bool client_ca = false;     // tls_client_ca is set
  bool keytab = false;        // kerberos_keytab is set
};
// The setting of this service.
const std::vector<std::string>& mechanisms_setting(const conf::Settings& settings,
                                                   account::Service service);
// Of the words of `setting` those that may be used now, in upper case, blanks between, each once.
// Words that name no mechanism are passed over, and APOP outside of `service` Pop.
std::string offered_mechanisms(const std::vector<std::string>& setting, account::Service service,
                               const Circumstances& now);
// Words of `setting` that name no mechanism.
std::string unknown_mechanisms(const std::vector<std::string>& setting);

// In a list as offered_mechanisms makes it.
bool is_offered(std::string_view list, std::string_view name);
// The list without one of its names.
std::string without_mechanism(std::string_view list, std::string_view name);
// Whether IMAP's LOGIN command and POP's USER and PASS are permitted with this list.
bool password_commands(std::string_view list);

}  // namespace dmail::privsep

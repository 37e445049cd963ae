// Who may send mail to other hosts by way of this one.  One decision, made here and nowhere else,
// from dmail.conf and three facts about the client; the first rule that applies is named:
//
//   login            the client has logged in on this connection
//   forward_from_ip  its address is in that list
//   forward_user     somebody whom that setting names logged in from its address by IMAP or POP,
//                    within forward_window (privsep/tally.h)
//   nobody           no rule: relaying is denied.  There is no other default.
//
// LMTP (RFC 2033) is for final delivery: nobody relays by it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "conf/settings.h"
#include "dsmtpd/reply.h"

namespace dmail::dsmtpd {

enum class RelayRule { Nobody, Login, ForwardFromIp, ForwardUser };
std::string_view rule_name(RelayRule rule);

struct RelayFacts {
  bool lmtp = false;
  std::string_view login;      // who has logged in on this connection; empty: nobody
  std::string_view client_ip;  // empty: no internet address
};

struct RelayDecision {
  RelayRule rule = RelayRule::Nobody;
  std::string user;  // Login, ForwardUser: on whose account
};

// `recent_login` is asked last, and only when its answer matters.
RelayDecision relay_decision(const conf::Settings& settings, const RelayFacts& facts,
                             const std::function<std::optional<std::string>()>& recent_login);

// What a recipient on another host is answered.
Reply relay_reply(const RelayDecision& decision);

}  // namespace dmail::dsmtpd

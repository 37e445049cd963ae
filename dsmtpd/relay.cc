#include "dsmtpd/relay.h"

#include "account/address_list.h"

namespace dmail::dsmtpd {

std::string_view rule_name(RelayRule rule) {
  switch (rule) {
    case RelayRule::Login:
      return "login";
    case RelayRule::ForwardFromIp:
      return "forward_from_ip";
    case RelayRule::ForwardUser:
      return "forward_user";
    case RelayRule::Nobody:
      break;
  }
  return "nobody";
}

RelayDecision relay_decision(const conf::Settings& settings, const RelayFacts& facts,
                             const std::function<std::optional<std::string>()>& recent_login) {
  if (facts.lmtp) return {};
  if (!facts.login.empty()) return {RelayRule::Login, std::string(facts.login)};
  if (facts.client_ip.empty()) return {};
  if (account::addresses_name(settings.forward_from_ip, facts.client_ip))
    return {RelayRule::ForwardFromIp, {}};
  if (settings.forward_user.empty() || settings.forward_window <= 0) return {};
  if (auto user = recent_login(); user && !user->empty())
    return {RelayRule::ForwardUser, std::move(*user)};
  return {};
}

Reply relay_reply(const RelayDecision& decision) {
  Reply reply;
  reply.code = 550;
  const bool denied = decision.rule == RelayRule::Nobody;
  reply.enhanced = denied ? "5.7.1" : "5.3.2";
  reply.lines.push_back(denied ? "Relaying denied" : "Outgoing mail is not set up on this host");
  return reply;
}

}  // namespace dmail::dsmtpd

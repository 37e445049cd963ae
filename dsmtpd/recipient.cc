#include "dsmtpd/recipient.h"

#include <arpa/inet.h>

#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "dsmtpd/requests.h"

namespace dmail::dsmtpd {

Reply answer(int code, std::string enhanced, std::string text) {
  Reply reply;
  reply.code = code;
  reply.enhanced = std::move(enhanced);
  reply.lines.push_back(std::move(text));
  return reply;
}

namespace {

RecipientRefused refused(int code, std::string_view enhanced, std::string_view text,
                         std::string log = {}) {
  return {answer(code, std::string(enhanced), std::string(text)), std::move(log), false};
}
RecipientRefused unknown_user(std::string log) {
  return refused(550, "5.1.1", "No such user here", std::move(log));
}
RecipientRefused no_relay() {
  RecipientRefused r = refused(550, "5.7.1", "Relaying denied", "not local");
  r.remote = true;
  return r;
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]" of `ip`, however it is written.
bool is_literal_of(std::string_view domain, const std::string& ip) {
  if (ip.empty() || domain.size() < 3 || domain.front() != '[' || domain.back() != ']')
    return false;
  std::string_view inside = domain.substr(1, domain.size() - 2);
  const bool six = istarts_with(inside, "IPv6:");
  if (six) inside.remove_prefix(5);
  in6_addr named{}, own{};  // large enough for both
  const int family = six ? AF_INET6 : AF_INET;
  return ::inet_pton(family, std::string(inside).c_str(), &named) == 1 &&
         ::inet_pton(family, ip.c_str(), &own) == 1 && std::memcmp(&named, &own, sizeof own) == 0;
}

}  // namespace

// What one address came to.
struct RecipientFinder::Step {
  enum Kind { Found, Unknown, Redirect, Refuse } kind = Unknown;
  Recipient recipient;       // Found
  std::string target;        // Redirect
  RecipientRefused refusal;  // Refuse; for Unknown what to say when nothing else is found
};

std::string RecipientFinder::forwarded(const std::string& address) const {
  for (const std::string& line : settings_.forward) {
    const auto words = split_words(line);
    if (words.size() == 2 && iequals(words[0], address)) return std::string(words[1]);
  }
  return {};
}

RecipientFinder::Step RecipientFinder::look(const std::string& address, char separator) const {
  Step step;
  auto known = account::recipient(address, settings_, separator);
  if (!known) {
    step.refusal = unknown_user(known.error().log);
    return step;
  }
  if (!*known) {
    step.kind = Step::Refuse;
    step.refusal = no_relay();
    return step;
  }
  const account::Name& name = (*known)->name;
  const auth::Answer found = lookup_(name);
  if (found.kind == auth::Answer::Kind::No) {
    step.refusal = unknown_user(found.text);
    return step;
  }
  step.kind = Step::Refuse;
  if (found.kind != auth::Answer::Kind::Ok) {
    step.refusal = refused(450, "4.3.0", "The directory cannot answer now; try later", found.text);
    return step;
  }
  if (const std::string* target = found.label("fwd"); target != nullptr && !target->empty()) {
    step.kind = Step::Redirect;
    step.target = *target;
    return step;
  }
  if (elsewhere(name, found, address, step)) return step;
  auto account = account::account_of(name, found.facts, settings_);
  if (!account) {
    step.refusal = refused(450, "4.3.5", "The mailbox cannot be reached now", account.error().log);
    return step;
  }
  step.kind = Step::Found;
  step.recipient.base = account->base;
  step.recipient.account = std::move(*account);
  return step;
}

// Whether the account's mail is on another host; `step` says what comes of it then.
bool RecipientFinder::elsewhere(const account::Name& name, const auth::Answer& found,
                                const std::string& address, Step& step) const {
  auto host = privsep::remote_host_of(found, privsep::RemoteProtocol::Lmtp, settings_);
  if (host && !*host) return false;
  std::string target = host && !(*host)->user.empty() ? (*host)->user : address;
  if (target.find('@') == target.npos && !name.domain.empty()) target += concat('@', name.domain);
  if (!host) {
    step.refusal = refused(450, "4.3.5", "The mailbox cannot be reached now", host.error().log);
  } else if (passed_on_) {
    step.refusal = refused(450, "4.4.6", "The servers disagree where this mailbox is",
                           concat("remote-loop: the account is on ", (*host)->name));
  } else if (settings_.remote_delivery == "refuse") {
    step.refusal = refused(551, "5.1.6", concat("The mailbox is on ", (*host)->name),
                           concat("the account is on ", (*host)->name));
  } else {
    step.kind = Step::Found;
    step.recipient.account.user = account::text_of(name);
    step.recipient.target = std::move(target);
    step.recipient.host = std::move(*host);
  }
  return true;
}

std::variant<Recipient, RecipientRefused> RecipientFinder::find(const std::string& local,
                                                                const std::string& domain,
                                                                const std::string& text) const {
  // A quoted local part may hold what would be taken for another domain or another word.
  if (local.empty() || !is_clean(local) || !is_clean(domain) ||
      local.find_first_of("@ /\"\\") != local.npos)
    return unknown_user("odd local part");
  // RFC 1123 section 5.2.17: a host takes mail for its own address.
  const bool here = domain.empty() || is_literal_of(domain, local_ip_);
  std::string address = here ? local : concat(local, '@', domain);
  for (int i = 0; i <= kMaxRedirections; ++i) {
    if (std::string target = forwarded(address); !target.empty()) {
      address = std::move(target);
      continue;
    }
    Step step = look(address, 0);
    if (step.kind == Step::Unknown && address.find('+') != address.npos) {
      Step plain = look(address, '+');
      if (plain.kind != Step::Unknown) step = std::move(plain);
    }
    if (step.kind == Step::Found) {
      step.recipient.address = text;
      return std::move(step.recipient);
    }
    if (step.kind == Step::Refuse) {
      // A redirection that leads away is not the sender's doing.
      return i == 0 ? std::move(step.refusal)
                    : refused(550, "5.7.1", "This address is redirected to another host",
                              concat("redirected to ", address));
    }
    if (step.kind == Step::Redirect) {
      address = std::move(step.target);
    } else if (istarts_with(address, "postmaster") && !settings_.sysadmin.empty() &&
               (address.size() == 10 || address[10] == '@') &&
               !iequals(address, settings_.sysadmin)) {
      address = settings_.sysadmin;
    } else {
      return std::move(step.refusal);
    }
  }
  return refused(550, "5.4.6", "Too many redirections", concat("last was ", address));
}

}  // namespace dmail::dsmtpd

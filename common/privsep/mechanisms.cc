#include "privsep/mechanisms.h"

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::privsep {
namespace {

constexpr Mechanism kMechanisms[] = {
    {.name = "PLAIN", .clear = true},
    {.name = "LOGIN", .clear = true},
    {.name = "OAUTHBEARER", .clear = true, .token = true},
    {.name = "XOAUTH2", .clear = true, .token = true},
    {.name = "CRAM-MD5", .server_first = true},
    {.name = "DIGEST-MD5", .server_first = true},
    {.name = "SCRAM-SHA-1"},
    {.name = "SCRAM-SHA-256"},
    {.name = "SCRAM-SHA-1-PLUS", .tls = true},
    {.name = "SCRAM-SHA-256-PLUS", .tls = true},
    {.name = "EXTERNAL", .tls = true, .certificate = true, .names_user = true},
    {.name = "GSSAPI", .keytab = true, .names_user = true},
    {.name = "APOP", .sasl = false},
};

template <typename Use>
void for_each_word(const std::vector<std::string>& setting, Use use) {
  for (std::string_view item : setting) {
    while (!item.empty()) {
      const size_t end = item.find_first_of(" \t,");
      if (end != 0) use(item.substr(0, end));
      item.remove_prefix(end == item.npos ? item.size() : end + 1);
    }
  }
}

void add_word(std::string& list, std::string_view word) {
  if (!list.empty()) list += ' ';
  list += word;
}

}  // namespace

const Mechanism* find_mechanism(std::string_view name) {
  for (const Mechanism& m : kMechanisms)
    if (iequals(m.name, name)) return &m;
  return nullptr;
}

const std::vector<std::string>& mechanisms_setting(const conf::Settings& settings,
                                                   account::Service service) {
  switch (service) {
    case account::Service::Imap:
      return settings.imapd_mechanisms;
    case account::Service::Pop:
      return settings.dpop_mechanisms;
    case account::Service::Smtp:
      break;
  }
  return settings.dsmtp_mechanisms;
}

std::string offered_mechanisms(const std::vector<std::string>& setting, account::Service service,
                               const Circumstances& now) {
  std::string list;
  for_each_word(setting, [&](std::string_view word) {
    const Mechanism* m = find_mechanism(word);
    if (m == nullptr || is_offered(list, m->name)) return;
    if ((m->clear && !now.tls && !now.plaintext_ok) || (m->tls && !now.tls) ||
        (m->certificate && !now.client_ca) || (m->keytab && !now.keytab) ||
        (!m->sasl && service != account::Service::Pop))
      return;
    add_word(list, m->name);
  });
  return list;
}

std::string unknown_mechanisms(const std::vector<std::string>& setting) {
  std::string list;
  for_each_word(setting, [&](std::string_view word) {
    if (find_mechanism(word) == nullptr) add_word(list, word);
  });
  return list;
}

bool is_offered(std::string_view list, std::string_view name) {
  while (!list.empty())
    if (iequals(take_until(list, ' '), name)) return true;
  return false;
}

std::string without_mechanism(std::string_view list, std::string_view name) {
  std::string out;
  while (!list.empty()) {
    const std::string_view word = take_until(list, ' ');
    if (!iequals(word, name)) add_word(out, word);
  }
  return out;
}

bool password_commands(std::string_view list) {
  return is_offered(list, "PLAIN") || is_offered(list, "LOGIN");
}

}  // namespace dmail::privsep

// Configuration files of modules, and names put into LDAP filters: a filter has the same shape
// whatever the name is.
#include <algorithm>
#include <cstdlib>

#include "tools/ldapauth/config.h"
#include "tools/ldapauth/entry.h"
#include "tools/ldapauth/filter.h"
#include "tools/multiauth/config.h"

using namespace dmail;
using namespace dmail::ldapauth;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto config = parse_ldap_config(input, "f");
  if (!config && config.error().log.empty()) std::abort();
  const auto rules = multiauth::parse_modules(input, "f");
  if (!rules && rules.error().log.empty()) std::abort();
  if (rules)
    for (const multiauth::ModuleRule& rule : *rules) {
      const std::string text(input.substr(0, 100));
      if (rule.stripped(text).size() > text.size() || rule.words.empty()) std::abort();
      (void)rule.takes(multiauth::Verb::Check, text);
    }
  const Config fallback;
  const Config& used = config ? *config : fallback;
  const std::string_view name = input.substr(0, std::min<size_t>(size, 600));
  const auto asked = take_apart(name, used);
  if (!asked) return 0;
  for (const std::string& filter : {used.login_filter, used.address_filter}) {
    const std::string full = expand(filter, *asked);
    // With the same domain of ours or of others, but a name of letters alone.
    const std::string plain = expand(filter, {"x", "x", "x", asked->home});
    for (char special : {'(', ')', '*'})
      if (std::count(full.begin(), full.end(), special) !=
          std::count(plain.begin(), plain.end(), special))
        std::abort();
  }
  Entry entry{"cn=x", {{used.account_attribute, {std::string(name)}}, {"mail", {"a", "b"}}}};
  const auto facts = facts_of(entry, *asked, used);
  if (facts && facts->find_first_of("\r\n") != std::string::npos) std::abort();
  return 0;
}

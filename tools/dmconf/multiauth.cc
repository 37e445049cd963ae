#include "tools/dmconf/multiauth.h"

#include "base/text.h"
#include "tools/modules/config_file.h"
#include "tools/multiauth/config.h"

namespace dmail::dmconf {

std::vector<std::string> multiauth_modules(const std::vector<std::string_view>& words,
                                           std::vector<std::string>& problems) {
  std::vector<std::string> modules;
  if (words.empty() || !(words[0] == "multiauth" || words[0].ends_with("/multiauth")))
    return modules;
  const std::string_view conf = DMAIL_CONF;
  std::string file = concat(conf.substr(0, conf.rfind('/') + 1), "multiauth.conf");
  for (size_t i = 1; i + 1 < words.size(); ++i)
    if (words[i] == "-config") file = words[i + 1];
  auto text = modules::read_config_file(file);
  auto rules = text ? multiauth::parse_modules(*text, file)
                    : Result<std::vector<multiauth::ModuleRule>>(std::move(text.error()));
  if (!rules) {
    problems.push_back(concat("multiauth: ", rules.error().log));
    return modules;
  }
  for (const multiauth::ModuleRule& rule : *rules) {
    std::string command;
    for (const std::string& word : rule.words) command += concat(command.empty() ? "" : " ", word);
    modules.push_back(std::move(command));
  }
  return modules;
}

}  // namespace dmail::dmconf

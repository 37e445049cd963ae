// multiauth: see multiauth(8).
#include <unistd.h>

#include "tools/modules/command_line.h"
#include "tools/modules/config_file.h"
#include "tools/multiauth/chain.h"

using namespace dmail;
using namespace dmail::multiauth;

namespace {

constexpr char kUsage[] =
    "usage: multiauth [-config FILE] [-debug]                    line protocol on standard input\n"
    "       multiauth [-config FILE] [-debug] check|lookup|set|del|search|version|help ...\n"
    "`multiauth check USER -` and `set USER -` read the password from standard input.\n";

}  // namespace

int main(int argc, char** argv) {
  modules::close_memory();
  const std::string name = "multiauth";
  modules::CommandLine line;
  if (const auto status = modules::parse_command_line(name, kUsage, argc, argv, line))
    return *status;
  Result<std::string> text = modules::read_config_file(line.config);
  if (!text) return modules::serve_dead(name, text.error(), line);
  auto rules = parse_modules(*text, line.config);
  if (!rules) return modules::serve_dead(name, rules.error(), line);
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment.emplace_back(*variable);
  const modules::EventLog log = modules::debug_log(line);
  Chain chain(std::move(*rules), environment, log);
  return modules::serve(chain, line, log);
}

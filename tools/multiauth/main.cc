// multiauth: see multiauth(8).
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "io/clock.h"
#include "tools/modules/config_file.h"
#include "tools/modules/line_protocol.h"
#include "tools/multiauth/chain.h"

using namespace dmail;
using namespace dmail::multiauth;

namespace {

constexpr char kUsage[] =
    "usage: multiauth [-config FILE] [-debug]                    line protocol on standard input\n"
    "       multiauth [-config FILE] [-debug] check|lookup|set|del|search|version|help ...\n"
    "`multiauth check USER -` and `set USER -` read the password from standard input.\n";

struct Arguments {
  std::string config;
  bool debug = false, help = false;
  std::vector<std::string> words;
};

bool parse_arguments(int argc, char** argv, Arguments& a) {
  const std::string settings = DMAIL_CONF;
  a.config = settings.substr(0, settings.rfind('/')) + "/multiauth.conf";
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; ++i) {
    const std::string_view option = argv[i];
    if (option == "-debug") {
      a.debug = true;
    } else if (option == "-help" || option == "--help" || option == "-h") {
      a.help = true;
    } else if (option == "-config" && i + 1 < argc) {
      a.config = argv[++i];
    } else {
      std::fprintf(stderr, "multiauth: bad option: %s\n%s", argv[i], kUsage);
      return false;
    }
  }
  a.words.assign(argv + i, argv + argc);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  if (!parse_arguments(argc, argv, a)) return 64;
  if (a.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  auto complain = [&](const Error& error) {
    std::fprintf(stderr, "multiauth: %s\n", error.log.c_str());
    return modules::serve_dead(error.log, !a.words.empty());
  };
  Result<std::string> text = modules::read_config_file(a.config);
  if (!text) return complain(text.error());
  auto rules = parse_modules(*text, a.config);
  if (!rules) return complain(rules.error());
  auto log = [&](std::string_view event) {
    if (a.debug)
      std::fprintf(stderr, "%lld %s\n", static_cast<long long>(wall_seconds()),
                   escaped(event, 500).c_str());
  };
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment.emplace_back(*variable);
  Chain chain(std::move(*rules), environment, log);
  return a.words.empty() ? modules::serve_stdin(chain, log)
                         : modules::serve_words(chain, a.words, log);
}

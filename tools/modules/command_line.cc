#include "tools/modules/command_line.h"

#include <cstdio>

#include "base/text.h"
#include "io/clock.h"

namespace dmail::modules {

std::optional<int> parse_command_line(const std::string& name, const char* usage, int argc,
                                      char** argv, CommandLine& line) {
  const std::string settings = DMAIL_CONF;
  line.config = concat(settings.substr(0, settings.rfind('/')), '/', name, ".conf");
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; ++i) {
    const std::string_view option = argv[i];
    if (option == "-debug") {
      line.debug = true;
    } else if (option == "-help" || option == "--help" || option == "-h") {
      std::fputs(usage, stdout);
      return 0;
    } else if (option == "-config" && i + 1 < argc) {
      line.config = argv[++i];
    } else {
      std::fprintf(stderr, "%s: bad option: %s\n%s", name.c_str(), argv[i], usage);
      return 64;
    }
  }
  line.words.assign(argv + i, argv + argc);
  return std::nullopt;
}

EventLog debug_log(const CommandLine& line) {
  return [wanted = line.debug](std::string_view event) {
    if (!wanted) return;
    std::fputs(concat(wall_seconds(), ' ', escaped(event, 500), '\n').c_str(), stderr);
  };
}

int serve(Responder& responder, const CommandLine& line, const EventLog& log) {
  return line.words.empty() ? serve_stdin(responder, log) : serve_words(responder, line.words, log);
}

int serve_dead(const std::string& name, const Error& why, const CommandLine& line) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), why.log.c_str());
  return serve_dead(why.log, !line.words.empty());
}

}  // namespace dmail::modules

// ldapauth: see ldapauth(8).
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "io/clock.h"
#include "tools/ldapauth/commands.h"
#include "tools/modules/config_file.h"
#include "tools/modules/line_protocol.h"

using namespace dmail;
using namespace dmail::ldapauth;

namespace {

constexpr char kUsage[] =
    "usage: ldapauth [-config FILE] [-debug]                    line protocol on standard input\n"
    "       ldapauth [-config FILE] [-debug] check|lookup|version|help ...\n"
    "`ldapauth check USER -` reads the password from standard input.\n";

struct Arguments {
  std::string config;
  bool debug = false, help = false;
  std::vector<std::string> words;
};

bool parse_arguments(int argc, char** argv, Arguments& a) {
  const std::string settings = DMAIL_CONF;
  a.config = settings.substr(0, settings.rfind('/')) + "/ldapauth.conf";
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
      std::fprintf(stderr, "ldapauth: bad option: %s\n%s", argv[i], kUsage);
      return false;
    }
  }
  a.words.assign(argv + i, argv + argc);
  return true;
}

// The first line of the file, which no stranger may read.
Result<std::string> read_password(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return system_error(path, errno);
  if ((st.st_mode & 07) != 0)
    return Error{ErrorKind::NoPermission, "", path + ": everybody may read it; chmod o= it"};
  Result<std::string> text = modules::read_config_file(path);
  if (!text) return text;
  std::string password = text->substr(0, text->find_first_of("\r\n"));
  if (password.empty()) return Error{ErrorKind::BadInput, "", path + ": the password is empty"};
  return password;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  if (!parse_arguments(argc, argv, a)) return 64;
  if (a.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::setenv("LDAPNOINIT", "1", 1);
  auto complain = [&](const Error& error) {
    std::fprintf(stderr, "ldapauth: %s\n", error.log.c_str());
    return modules::serve_dead(error.log, !a.words.empty());
  };
  Result<std::string> text = modules::read_config_file(a.config);
  if (!text) return complain(text.error());
  Result<Config> config = parse_ldap_config(*text, a.config);
  if (!config) return complain(config.error());
  Result<std::string> password = std::string();
  if (!config->bind_dn.empty()) password = read_password(config->bind_password_file);
  if (!password) return complain(password.error());
  auto log = [&](std::string_view event) {
    if (a.debug)
      std::fprintf(stderr, "%lld %s\n", static_cast<long long>(wall_seconds()),
                   escaped(event, 500).c_str());
  };
  Directory directory(*config, *password, log);
  Commands commands(*config, directory);
  return a.words.empty() ? modules::serve_stdin(commands, log)
                         : modules::serve_words(commands, a.words, log);
}

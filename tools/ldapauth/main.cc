// ldapauth: see ldapauth(8).
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "tools/ldapauth/commands.h"
#include "tools/modules/command_line.h"
#include "tools/modules/config_file.h"

using namespace dmail;
using namespace dmail::ldapauth;

namespace {

constexpr char kUsage[] =
    "usage: ldapauth [-config FILE] [-debug]                    line protocol on standard input\n"
    "       ldapauth [-config FILE] [-debug] check|lookup|version|help ...\n"
    "`ldapauth check USER -` reads the password from standard input.\n";

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
  modules::close_memory();
  const std::string name = "ldapauth";
  modules::CommandLine line;
  if (const auto status = modules::parse_command_line(name, kUsage, argc, argv, line))
    return *status;
  ::signal(SIGPIPE, SIG_IGN);
  ::setenv("LDAPNOINIT", "1", 1);
  Result<std::string> text = modules::read_config_file(line.config);
  if (!text) return modules::serve_dead(name, text.error(), line);
  Result<Config> config = parse_ldap_config(*text, line.config);
  if (!config) return modules::serve_dead(name, config.error(), line);
  Result<std::string> password = std::string();
  if (!config->bind_dn.empty()) password = read_password(config->bind_password_file);
  if (!password) return modules::serve_dead(name, password.error(), line);
  const modules::EventLog log = modules::debug_log(line);
  Directory directory(*config, *password, log);
  Commands commands(*config, directory);
  return modules::serve(commands, line, log);
}

// unixauth: users of the system for authent_method unix_user; see unixauth(8).  The line protocol
// on standard input and output: check, lookup, account, version, help, quit, exit.  Started by the
// monitors, as root where there is root to be had; PAM modules and whatever they start get neither
// the monitor's pipe nor its answers.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"
#include "tools/modules/line_protocol.h"
#include "tools/unixauth/answers.h"

namespace {

using namespace dmail;
using namespace dmail::unixauth;

constexpr unsigned kLongestSeconds = 660;  // authent_timeout is at most 600
// PAM modules take different times to say no to a wrong password and to an unknown user: every no
// is given this long after the question, or at the next multiple of it.
constexpr int64_t kRefusalMs = 250;

constexpr char kUsage[] =
    "usage: unixauth [-service NAME] [-minuid UID] [-maxuid UID] [-pamonly no|login|all] [-fast]\n"
    "Answers check and lookup on standard input for users of the system.\n"
    "  -service  of PAM, else $DMAIL_SERVICE, else imap\n"
    "  -minuid   accounts below are refused (1000)\n"
    "  -maxuid   accounts above are refused, and those of a higher group (60000)\n"
    "  -pamonly  accounts unknown to the system: none, for check (login), for lookup, too (all)\n"
    "  -fast     a refusal is not delayed (tests)\n";

struct Setup {
  Answers answers;
  bool fast = false;
};

bool valid_service(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name)
    if (!is_lower(c) && !is_digit(c) && c != '-' && c != '_') return false;
  return true;
}

void wait_out(int64_t started_ms) {
  const int64_t gone = monotonic_ms() - started_ms;
  ::usleep(static_cast<useconds_t>((kRefusalMs - gone % kRefusalMs) * 1000));
}

// Empty: quit.
std::string answer(Setup& setup, std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.find('\0') != std::string_view::npos) return "-ERR control byte in the command\n";
  std::string_view rest = line;
  const std::string verb = lower(take_until(rest, ' '));
  if (verb == "quit" || verb == "exit") return {};
  if (verb == "version") return concat("+OK dmail unixauth ", DMAIL_VERSION, '\n');
  if (verb == "help")
    return "+DATA check <user> <password>\n+DATA lookup <user>\n+DATA account <user>\n+OK\n";
  if (verb == "lookup") return setup.answers.lookup(trim(rest));
  if (verb == "account") return setup.answers.account(trim(rest));
  if (verb != "check")
    return "-ERR unknown command; users of the system are changed with its own tools\n";
  const int64_t started_ms = monotonic_ms();
  const std::string_view user = take_until(rest, ' ');
  std::string reply = setup.answers.check(user, rest);
  if (reply.starts_with("-ERR") && !setup.fast) wait_out(started_ms);
  return reply;
}

// Descriptors of our own for the protocol; 0 and 1 become /dev/null for everybody else in the
// process.
bool hide_descriptors(FILE*& in, FILE*& out) {
  const int input = ::fcntl(0, F_DUPFD_CLOEXEC, 3), output = ::fcntl(1, F_DUPFD_CLOEXEC, 3);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (input < 0 || output < 0 || null < 0 || ::dup2(null, 0) < 0 || ::dup2(null, 1) < 0)
    return false;
  if (::fcntl(2, F_GETFD) < 0 && ::dup2(null, 2) < 0) return false;
  in = ::fdopen(input, "r");
  out = ::fdopen(output, "w");
  return in != nullptr && out != nullptr;
}

int serve(Setup& setup) {
  FILE *in = nullptr, *out = nullptr;
  if (!hide_descriptors(in, out)) return 71;
  std::string line;
  while (modules::read_question(line, in)) {
    // A module that never returns outlives nobody's patience by much.
    ::alarm(kLongestSeconds);
    const std::string reply =
        line.size() > modules::kMaxLine ? "-ERR line too long\n" : answer(setup, line);
    ::alarm(0);
    wipe(line);
    if (reply.empty()) break;
    if (std::fputs(reply.c_str(), out) == EOF || std::fflush(out) != 0) return 1;
  }
  return 0;
}

// One option that takes a value; false when it is none, or the value is wrong.
bool set_option(Setup& setup, std::string_view name, std::string_view value) {
  Answers& a = setup.answers;
  if (name == "-service") {
    a.tells_of_rules = true;  // no server starts us: it would say DMAIL_SERVICE
    return valid_service(a.service = value);
  }
  if (name == "-pamonly") {
    a.pam_only = value == "all" ? PamOnly::All : value == "no" ? PamOnly::No : PamOnly::Login;
    return value == "all" || value == "no" || value == "login";
  }
  const auto uid = parse_u32(value, std::numeric_limits<uint32_t>::max() - 1);
  if ((name != "-minuid" && name != "-maxuid") || !uid || *uid == 0) return false;
  (name == "-minuid" ? a.minimum_uid : a.maximum_uid) = *uid;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Setup setup;
  if (const char* service = std::getenv("DMAIL_SERVICE")) setup.answers.service = service;
  if (const char* ip = std::getenv("DMAIL_CLIENT_IP")) setup.answers.client_ip = ip;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "-fast") {
      setup.fast = true;
    } else if (i + 1 < argc && set_option(setup, option, argv[i + 1])) {
      ++i;
    } else {
      const bool help = option == "--help" || option == "-help";
      std::fputs(kUsage, help ? stdout : stderr);
      return help ? 0 : 64;
    }
  }
  if (!valid_service(setup.answers.service)) {
    std::fputs("unixauth: bad name of a PAM service\n", stderr);
    return 64;
  }
  return serve(setup);
}

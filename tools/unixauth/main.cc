// unixauth: users of the system for authent_method unix_user; see unixauth(8).  The line protocol
// on standard input and output: check, lookup, version, help, quit, exit.  Started by the monitors,
// as root where there is root to be had; PAM modules and whatever they start get neither the
// monitor's pipe nor its answers.
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"
#include "tools/unixauth/system.h"

namespace dmail::unixauth {

Verdict find_user(const std::string& name, SystemUser& user) {
  std::vector<char> text(16 * 1024);
  passwd room{}, *entry = nullptr;
  const int code = ::getpwnam_r(name.c_str(), &room, text.data(), text.size(), &entry);
  if (entry == nullptr)
    return code == 0 || code == ENOENT || code == ESRCH ? Verdict::Wrong : Verdict::Unknown;
  user = {entry->pw_name, entry->pw_uid, entry->pw_gid, entry->pw_dir};
  return Verdict::Right;
}

}  // namespace dmail::unixauth

namespace {

using namespace dmail;
using namespace dmail::unixauth;

constexpr size_t kMaxLine = 8 * 1024;
constexpr size_t kMaxUser = 255;
constexpr size_t kMaxPassword = 1024;
// PAM modules take different times to say no to a wrong password and to an unknown user: every no
// is given this long after the question, or at the next multiple of it.
constexpr int64_t kRefusalMs = 250;

constexpr char kUsage[] =
    "usage: unixauth [-service NAME] [-fast]\n"
    "Answers check and lookup on standard input for users of the system.  -service: of PAM, else\n"
    "$DMAIL_SERVICE, else imap.  -fast: a refusal is not delayed (tests).\n";

struct Setup {
  std::string service = "imap";
  std::string client_ip;
  bool fast = false;
};

bool valid_service(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name)
    if (!is_lower(c) && !is_digit(c) && c != '-' && c != '_') return false;
  return true;
}

bool valid_user(std::string_view user) {
  if (user.empty() || user.size() > kMaxUser || user.front() == '-') return false;
  for (char c : user)
    if (is_control(c) || c == ' ' || c == '"' || c == ':' || c == '/') return false;
  return true;
}

std::string refusal(std::string_view user) {
  return concat("-ERR ", escaped(user, 60), " password wrong or not a valid user\n");
}

std::string ok(const SystemUser& user, std::string_view asked) {
  std::string out = concat("+OK ", asked, " config ", user.uid, " gid=\"", user.gid, '"');
  bool plain = user.home.starts_with('/');
  for (char c : user.home) plain &= !is_control(c) && c != '"';
  if (plain) out += concat(" home=\"", user.home, '"');
  return out + '\n';
}

std::string account_answer(std::string_view asked) {
  SystemUser user;
  switch (find_user(std::string(asked), user)) {
    case Verdict::Unknown:
      return "-DEAD the system's user database does not answer\n";
    case Verdict::Wrong:
      return refusal(asked);
    case Verdict::Right:
      break;
  }
  // Mail is never served or delivered as root; the name server may fold or rewrite names.
  if (user.uid == 0 || user.name != asked) return refusal(asked);
  return ok(user, asked);
}

std::string check(const Setup& setup, std::string_view user, std::string_view password) {
  if (!valid_user(user) || password.empty() || password.size() > kMaxPassword) return refusal(user);
  Question question{setup.service, std::string(user), std::string(password), setup.client_ip};
  const Verdict verdict = verify(question);
  wipe(question.password);
  if (verdict == Verdict::Unknown) return "-DEAD PAM does not answer\n";
  return verdict == Verdict::Right ? account_answer(user) : refusal(user);
}

void wait_out(int64_t started_ms) {
  const int64_t gone = monotonic_ms() - started_ms;
  ::usleep(static_cast<useconds_t>((kRefusalMs - gone % kRefusalMs) * 1000));
}

// Empty: quit.
std::string answer(const Setup& setup, std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.find('\0') != std::string_view::npos) return "-ERR control byte in the command\n";
  std::string_view rest = line;
  const std::string verb = lower(take_until(rest, ' '));
  if (verb == "quit" || verb == "exit") return {};
  if (verb == "version") return concat("+OK dmail unixauth ", DMAIL_VERSION, '\n');
  if (verb == "help") return "+DATA check <user> <password>\n+DATA lookup <user>\n+OK\n";
  if (verb == "lookup") {
    rest = trim(rest);
    return valid_user(rest) ? account_answer(rest) : refusal(rest);
  }
  if (verb != "check")
    return "-ERR unknown command; users of the system are changed with its own tools\n";
  const int64_t started_ms = monotonic_ms();
  const std::string_view user = take_until(rest, ' ');
  std::string reply = check(setup, user, rest);
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

bool read_line(FILE* in, std::string& line) {
  line.clear();
  for (int c; (c = std::getc(in)) != EOF;) {
    if (c == '\n') return true;
    if (line.size() <= kMaxLine) line.push_back(static_cast<char>(c));
  }
  return false;  // cut short: nobody's question
}

int serve(const Setup& setup) {
  FILE *in = nullptr, *out = nullptr;
  if (!hide_descriptors(in, out)) return 71;
  std::string line;
  while (read_line(in, line)) {
    const std::string reply = line.size() > kMaxLine ? "-ERR line too long\n" : answer(setup, line);
    wipe(line);
    if (reply.empty()) break;
    if (std::fputs(reply.c_str(), out) == EOF || std::fflush(out) != 0) return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setup setup;
  if (const char* service = std::getenv("DMAIL_SERVICE")) setup.service = service;
  if (const char* ip = std::getenv("DMAIL_CLIENT_IP")) setup.client_ip = ip;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "-fast") {
      setup.fast = true;
    } else if (option == "-service" && i + 1 < argc) {
      setup.service = argv[++i];
    } else {
      std::fputs(kUsage, option == "--help" || option == "-help" ? stdout : stderr);
      return option == "--help" || option == "-help" ? 0 : 64;
    }
  }
  if (!valid_service(setup.service)) {
    std::fputs("unixauth: bad name of a PAM service\n", stderr);
    return 64;
  }
  return serve(setup);
}

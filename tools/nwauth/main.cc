// nwauth: see nwauth(8).  Options, then one of four ways to run: a command of the line protocol as
// arguments, `drop_path`, a resident server, or the line protocol on standard input.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/number.h"
#include "base/text.h"
#include "conf/settings.h"
#include "io/clock.h"
#include "io/owned_fd.h"
#include "tools/modules/line_protocol.h"
#include "tools/nwauth/admin.h"
#include "tools/nwauth/commands.h"
#include "tools/nwauth/mail_place.h"
#include "tools/nwauth/owner.h"

using namespace dmail;
using namespace dmail::nwauth;

namespace {

constexpr char kUsage[] =
    "usage: nwauth [options]                        line protocol on standard input\n"
    "       nwauth [options] check|lookup|secret|set|del|search|version|help ...\n"
    "       nwauth [options] list [PATTERN]         all users, with their labels\n"
    "       nwauth [options] passwd USER            asks for a new password\n"
    "       nwauth [options] dump [FILE]            all users as text; load [FILE] takes it back\n"
    "       nwauth [options] -listen SOCKET         resident module\n"
    "       nwauth [options] -generate N            make users test0 to testN-1, password test\n"
    "       nwauth [-C FILE] drop_path USER...      where the drop file of USER lies\n"
    "       nwauth drop_path 0|1|2 BASE USER...     the same with hash_spool and base given\n"
    "options: -path DIR  -C DMAIL.CONF  -readonly  -keep-plain  -digest-realm REALM  -debug  -log  "
    "-hash "
    "yescrypt|sha512  -allowats\n"
    "         -allowhighascii  -mode OCTAL  -moduleuser NAME  -cache N  -cachetime SECONDS  "
    "-threads "
    "N\n"
    "`nwauth set USER -` asks for the password, as `passwd` does; where standard input is no "
    "terminal\n"
    "it is a line of that, and for `check USER -` always.\n";

struct Arguments {
  std::string path = "/var/lib/dmail/nwauth";
  std::string module_user;  // else dmail.conf's
  std::string config = DMAIL_CONF;
  bool config_named = false;
  Policy policy;
  modules::ServerOptions server;
  uint64_t cache = 1000, cache_seconds = 300, generate = 0;
  bool debug = false, log = false, help = false;
  std::vector<std::string> words;  // of a command
};

bool set_number(std::string_view text, uint64_t low, uint64_t high, uint64_t& value) {
  const auto number = parse_u64(text, high);
  if (number && *number >= low) value = *number;
  return number && *number >= low;
}

// One option that takes a value; false when the value is wrong.
bool set_option(Arguments& a, std::string_view name, const std::string& value) {
  uint64_t number = 0;
  if (name == "-path") return (a.path = value).starts_with('/');
  if (name == "-C" || name == "-i") return a.config_named = !(a.config = value).empty();
  if (name == "-listen") return (a.server.path = value).starts_with('/');
  if (name == "-moduleuser") return !(a.module_user = value).empty();
  if (name == "-digest-realm") {
    a.policy.digest_realm = value;
    return !value.empty() && value.size() <= kMaxName && valid_label("realm", value);
  }
  if (name == "-cache") return set_number(value, 0, 10'000'000, a.cache);
  if (name == "-cachetime") return set_number(value, 1, 86'400, a.cache_seconds);
  if (name == "-generate") return set_number(value, 1, 1'000'000, a.generate);
  if (name == "-threads") {
    if (!set_number(value, 1, 64, number)) return false;
    a.server.workers = static_cast<unsigned>(number);
    return true;
  }
  if (name == "-hash") {
    a.policy.hash = value == "sha512" ? HashKind::Sha512 : HashKind::Yescrypt;
    return value == "sha512" || value == "yescrypt";
  }
  return name == "-mode" && modules::parse_mode(value, a.server.mode);
}

bool set_flag(Arguments& a, std::string_view name) {
  if (name == "-readonly") return a.policy.read_only = true;
  if (name == "-debug") return a.debug = true;
  if (name == "-log") return a.log = true;
  if (name == "-keep-plain") return a.policy.keep_plain = true;
  if (name == "-allowats") return a.policy.allow_ats = true;
  if (name == "-allowhighascii") return a.policy.allow_high_ascii = true;
  if (name == "-help" || name == "--help" || name == "-h") return a.help = true;
  return false;
}

// ps(1) shows arguments to everybody, and the database may take a while.
void hide_password(int count, char** words) {
  const std::string_view verb = count > 2 ? words[0] : "";
  if (verb != "set" && verb != "check" && verb != "token") return;
  for (char* c = words[2]; *c != '\0'; ++c) *c = '*';
}

bool parse_arguments(int argc, char** argv, Arguments& a) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; ++i) {
    if (set_flag(a, argv[i])) continue;
    if (std::strcmp(argv[i], "-mailuser") == 0)
      std::fputs(
          "nwauth: it is -moduleuser now, an account that runs no session: see Upgrading in "
          "dmail-admin(7)\n",
          stderr);
    if (i + 1 >= argc || !set_option(a, argv[i], argv[i + 1])) {
      std::fprintf(stderr, "nwauth: bad option or value: %s\n%s", argv[i], kUsage);
      return false;
    }
    ++i;
  }
  a.words.assign(argv + i, argv + argc);
  hide_password(argc - i, argv + i);
  return true;
}

// -log and -debug: one line an event, never a password.
class Diary {
 public:
  Diary(const Arguments& a) : debug_(a.debug) {
    if (a.log)
      fd_.reset(::open((a.path + "/nwauth.log").c_str(),
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (a.log && !fd_.valid())
      std::fprintf(stderr, "nwauth: %s/nwauth.log: %s\n", a.path.c_str(), std::strerror(errno));
  }
  void event(std::string_view text) const {
    const std::string line = concat(wall_seconds(), ' ', escaped(text, 500), '\n');
    if (debug_) std::fputs(line.c_str(), stderr);
    if (fd_.valid() && ::write(fd_.get(), line.data(), line.size()) < 0)
      std::fprintf(stderr, "nwauth: log: %s\n", std::strerror(errno));
  }
  [[nodiscard]] bool wanted() const { return debug_ || fd_.valid(); }

 private:
  OwnedFd fd_;
  bool debug_;
};

// Settings of the servers, for what depends on them; nullopt where they are not there to be read.
std::optional<conf::Settings> settings_of(const Arguments& a) {
  if (!a.config_named && ::access(a.config.c_str(), R_OK) != 0) return std::nullopt;
  auto loaded = conf::load(a.config, conf::kTools);
  if (!loaded) {
    std::fprintf(stderr, "nwauth: %s: %s\n", a.config.c_str(), loaded.error().log.c_str());
    return std::nullopt;
  }
  // Servers take no mail then, and what would be said of where it is may be wrong.
  if (const conf::Remark* wrong = loaded->defer()) {
    std::fprintf(stderr, "nwauth: %s\n", conf::to_text(*wrong).c_str());
    return std::nullopt;
  }
  return std::move(loaded->settings);
}

int drop_path(const Arguments& a) {
  const auto method = a.words.size() > 3 ? parse_u32(a.words[1], 2) : std::nullopt;
  if (method && a.words[2].starts_with('/'))
    return print_hashed_paths(a.words, static_cast<int>(*method));
  if (a.words.size() < 2) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  const auto settings = settings_of(a);
  if (settings) return print_drop_paths({a.words.begin() + 1, a.words.end()}, *settings);
  std::fprintf(stderr, "nwauth: drop_path needs dmail.conf: %s cannot be used (-C FILE)\n",
               a.config.c_str());
  return 78;
}

int generate(Commands& commands, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const std::string answer = commands.set(concat("test", i), "test", {});
    if (answer.starts_with("+OK")) continue;
    std::fputs(answer.c_str(), stdout);
    return 1;
  }
  return 0;
}

// A database that cannot be opened: every question is answered, none as "no such user".
int answer_dead(const Arguments& a, const Error& error) {
  std::fprintf(stderr, "nwauth: %s\n", error.log.c_str());
  if (!a.server.path.empty() || a.generate > 0) return 75;
  // The servers' log has nothing but this.
  return modules::serve_dead(concat("user database cannot be opened: ", error.log),
                             !a.words.empty());
}

}  // namespace

int main(int argc, char** argv) {
  modules::close_memory();
  Arguments a;
  if (!parse_arguments(argc, argv, a)) return 64;
  if (a.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (!a.words.empty() && a.words[0] == "drop_path") return drop_path(a);
  ::umask(077);
  // As whoever calls us: the owner of the database may read neither of the two.
  auto file = open_dump_file(a.words);
  if (file && !*file) {
    std::fprintf(stderr, "nwauth: %s\n", file->error().log.c_str());
    return 73;
  }
  const bool by_hand = !a.words.empty();
  const bool asks_conf = a.module_user.empty() && ::geteuid() == 0;
  const auto settings = by_hand || asks_conf ? settings_of(a) : std::nullopt;
  if (a.module_user.empty()) a.module_user = settings ? settings->module_user : DMAIL_MODULE_USER;
  if (Status owner = become_owner(a.path, a.module_user, !a.server.path.empty()); !owner)
    return answer_dead(a, owner.error());
  const Diary log(a);
  auto users = UserTable::open(a.path, a.policy.read_only);
  if (!users) return answer_dead(a, with_owner(a.path, users.error()));
  // A child serves one connection: only the resident module has logins to remember.
  Verified verified(a.server.path.empty() ? 0 : a.cache, static_cast<int64_t>(a.cache_seconds));
  Commands commands(**users, verified, a.policy);
  if (a.generate > 0) return generate(commands, a.generate);
  modules::EventLog events;
  if (log.wanted()) events = [&](std::string_view text) { log.event(text); };
  const Admin admin{commands, **users, settings ? &*settings : nullptr, events,
                    file ? (*file)->get() : -1};
  if (by_hand)
    if (const auto status = run_admin(admin, a.words)) return *status;
  if (by_hand) return modules::serve_words(commands, a.words, events);
  if (a.server.path.empty()) return modules::serve_stdin(commands, events);
  Status served =
      modules::serve(commands, a.server, [&](std::string_view text) { log.event(text); });
  if (served) return 0;
  std::fprintf(stderr, "nwauth: %s\n", served.error().log.c_str());
  return 75;
}

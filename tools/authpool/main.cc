// authpool: see authpool(8).  Options and dmail.conf, then copies of a module behind a socket.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "base/number.h"
#include "base/text.h"
#include "conf/settings.h"
#include "io/clock.h"
#include "privsep/drop.h"
#include "privsep/ids.h"
#include "tools/authpool/remembering.h"
#include "tools/modules/line_protocol.h"

using namespace dmail;
using namespace dmail::authpool;

namespace {

constexpr size_t kMaxWatched = 16;

constexpr char kUsage[] =
    "usage: authpool -listen SOCKET [options] -- MODULE [ARGUMENT...]\n"
    "Keeps copies of an authentication module running and answers at SOCKET in their place.\n"
    "  -C FILE       settings (" DMAIL_CONF
    ")\n"
    "  -n NUMBER     copies (authent_number)          -timeout SECONDS  for one answer "
    "(authent_timeout)\n"
    "  -cache N      answers remembered (authent_cache)  -ttl SECONDS  and how long (60)\n"
    "  -watch FILE   a change of it makes all answers forgotten; may be given again\n"
    "  -mode OCTAL   of the socket (600)              -user NAME  run as (module_user)\n"
    "  --version, --help\n";

struct Arguments {
  std::string config = DMAIL_CONF;
  bool config_named = false;
  std::optional<uint64_t> copies, cache, timeout;
  uint64_t ttl = 60;
  std::string user;
  modules::ServerOptions server;
  std::vector<std::string> module, watched;
};

bool set_number(std::string_view text, uint64_t low, uint64_t high, auto& value) {
  const auto number = parse_u64(text, high);
  if (number && *number >= low) value = *number;
  return number && *number >= low;
}

bool set_option(Arguments& a, std::string_view name, const std::string& value) {
  if (name == "-C" || name == "-i") return a.config_named = !(a.config = value).empty();
  if (name == "-listen") return (a.server.path = value).starts_with('/');
  if (name == "-watch") {
    a.watched.push_back(value);
    return value.starts_with('/') && a.watched.size() <= kMaxWatched;
  }
  if (name == "-n") return set_number(value, 1, 64, a.copies);
  if (name == "-cache") return set_number(value, 0, 1'000'000, a.cache);
  if (name == "-ttl") return set_number(value, 1, 86'400, a.ttl);
  if (name == "-timeout") return set_number(value, 1, 600, a.timeout);
  if (name == "-user") return !(a.user = value).empty();
  return name == "-mode" && modules::parse_mode(value, a.server.mode);
}

// An exit status when there is nothing more to do.
std::optional<int> parse_arguments(int argc, char** argv, Arguments& a) {
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-help") return std::fputs(kUsage, stdout), 0;
    if (name == "--version") return std::puts("authpool (dmail) " DMAIL_VERSION), 0;
    if (i + 1 < argc && set_option(a, name, argv[i + 1])) continue;
    std::fprintf(stderr, "authpool: bad option or value: %s\n%s", argv[i], kUsage);
    return 64;
  }
  if (i < argc) a.module.assign(argv + i + 1, argv + argc);
  if (!a.server.path.empty() && !a.module.empty() && a.module[0].starts_with('/'))
    return std::nullopt;
  std::fprintf(stderr, "authpool: -listen and the absolute path of a module are needed\n%s",
               kUsage);
  return 64;
}

// Without a file of settings their defaults hold, unless the file was asked for by name.  Where we
// are started as module_user it is usual that it is root's alone.
Result<conf::Settings> settings_of(const Arguments& a) {
  if (!a.config_named && ::access(a.config.c_str(), R_OK) != 0) {
    if (errno != ENOENT)
      std::fprintf(stderr, "authpool: cannot read %s: defaults and options count\n",
                   a.config.c_str());
    return conf::Settings();
  }
  auto loaded = conf::load(a.config, conf::kTools);
  if (!loaded) return std::move(loaded.error());
  if (const conf::Remark* defer = loaded->defer())
    return Error{ErrorKind::BadInput, "configuration error", conf::to_text(*defer)};
  return std::move(loaded->settings);
}

// Modules are not run as root unless -user says so.
Status become_user(Arguments& a, const conf::Settings& settings) {
  if (!privsep::is_root()) return {};
  const auto own = privsep::ids_of(settings.module_user);
  if (own) a.server.module_uid = own->uid;
  const auto ids = a.user.empty() ? own : privsep::ids_of(a.user);
  if (!ids)
    return Error{ErrorKind::NotFound,
                 {},
                 concat(a.user.empty() ? "module_user: " : "-user: ", ids.error().log,
                        a.user.empty() ? " (see Upgrading in dmail-admin(7))" : "")};
  if (ids->uid == 0 && !a.user.empty()) return {};
  return privsep::become(*ids);
}

std::vector<std::string> environment() {
  std::vector<std::string> all;
  bool path = false;
  for (char** e = ::environ; *e != nullptr; ++e) {
    all.emplace_back(*e);
    path |= all.back().starts_with("PATH=");
  }
  if (!path) all.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
  return all;
}

int failed(const Error& error) {
  std::fprintf(stderr, "authpool: %s\n", error.log.c_str());
  return 75;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  if (const auto status = parse_arguments(argc, argv, a)) return *status;
  auto settings = settings_of(a);
  if (!settings) return failed(settings.error());
  ::umask(077);
  if (Status user = become_user(a, *settings); !user) return failed(user.error());
  modules::close_memory();

  const auto log = [](std::string_view text) {
    static std::mutex one_line_at_a_time;
    const std::lock_guard lock(one_line_at_a_time);
    std::fputs(concat("authpool: ", escaped(text, 500), '\n').c_str(), stderr);
  };
  const size_t copies = a.copies.value_or(static_cast<uint64_t>(settings->authent_number));
  a.server.workers = static_cast<unsigned>(copies);
  Pool pool({std::move(a.module), environment()}, copies, log);
  if (Status started = pool.start(); !started) return failed(started.error());
  const size_t cache =
      a.cache.value_or(settings->auth_nocache ? 0 : static_cast<uint64_t>(settings->authent_cache));
  Remembering answers(
      pool, cache, static_cast<int64_t>(a.ttl),
      static_cast<int64_t>(a.timeout.value_or(static_cast<uint64_t>(settings->authent_timeout))),
      a.watched);
  const Status served = modules::serve(answers, a.server, log);
  return served ? 0 : failed(served.error());
}

// dmconf: checks, shows and explains dmail.conf.  See dmconf(8).
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "account/account.h"
#include "base/text.h"
#include "conf/settings.h"
#include "describe.h"
#include "host.h"
#include "io/file.h"
#include "rehash.h"

namespace {

using namespace dmail;
using conf::Remark;
using conf::Row;
using conf::Settings;

constexpr int kProblems = 1, kFailed = 2;

constexpr std::string_view kUsage =
    "usage: dmconf [--program imapd|dpopd|dsmtpd] COMMAND\n"
    "  check [FILE]     say what is wrong with FILE and what to do; exit 1 when something is\n"
    "  host [FILE]      say what this host lacks of what FILE names; exit 1 when something is\n"
    "  rehash [--move] [--from DIR [--domain NAME]] [FILE]\n"
    "                   say which drop files lie where FILE does not look; --move moves them\n"
    "  show [FILE]      all settings in force\n"
    "  diff [FILE]      the settings that are not the default\n"
    "  explain NAME     what a setting means\n"
    "  man [FRAME]      the settings section of dmail.conf(5), inside FRAME for @SETTINGS@\n"
    "  --help --version\n"
    "FILE is " DMAIL_CONF " unless named.  See dmconf(8).\n";

void print(std::string_view text, FILE* to = stdout) {
  std::fwrite(text.data(), 1, text.size(), to);
}

int fail(std::string_view text) {
  print(concat("dmconf: ", text, "\n"), stderr);
  return kFailed;
}

// What to do about a remark; empty when its text says it all.
std::string advice(const Remark& remark) {
  const Row* row = conf::find_row(remark.name);
  if (row == nullptr) {
    if (remark.name.empty() || remark.level == Remark::Level::Defer) return {};
    const auto meant = conf::nearest(remark.name);
    return meant.empty() ? std::string() : concat("did you mean ", meant, "?");
  }
  if (row->type == Row::Type::Ignored) return std::string(row->doc);
  if (remark.level != Remark::Level::Warning) return concat("see dmconf explain ", row->name);
  return {};
}

void print_remarks(const std::vector<Remark>& remarks, FILE* to) {
  for (const Remark& remark : remarks) {
    print(conf::to_text(remark), to);
    if (const std::string what = advice(remark); !what.empty()) print(concat(" (", what, ")"), to);
    print("\n", to);
  }
}

// Settings that only together make sense.
std::vector<std::string> contradictions(const Settings& s, uint32_t program) {
  std::vector<std::string> wrong;
  if (s.host_domain.empty()) wrong.emplace_back("host_domain is not set: write host_domain DOMAIN");
  if (s.use_maildir)
    wrong.emplace_back("use_maildir is not implemented yet, and nobody could log in: remove it");
  if (!s.use_maildir && s.drop_path.empty())
    wrong.emplace_back("drop_path is not set: write drop_path PATH");
  const bool imapd_only = program == conf::kImapd && !s.imapd_authent_process.empty();
  if (s.authent_method == "external" && s.authent_process.empty() && !imapd_only)
    wrong.emplace_back(
        "authent_method external needs authent_process: write authent_process PROGRAM");
  if (s.authent_method != "external" && !s.authent_process.empty())
    wrong.emplace_back("authent_process is not used: write authent_method external");
  if (s.tls_certificate.empty() != s.tls_key.empty())
    wrong.emplace_back(
        "tls_certificate and tls_key need each other: TLS is off until both are set");
  // Accepted, and in force (dsmtpd/relay.h), but there is no queue for what they would let through.
  const bool relays = !s.forward_from_ip.empty() ||
                      std::any_of(s.forward_user.begin(), s.forward_user.end(),
                                  [](const std::string& w) { return w != "false" && w[0] != '!'; });
  if (relays)
    wrong.emplace_back(
        "forward_user and forward_from_ip let nothing out: dmail does not send mail to other hosts "
        "yet and answers 550 5.3.2; remove them, and let clients send by another server");
  return wrong;
}

// Remarks that only imapd would make, about what it alone includes.
void add_imapd_remarks(const std::string& path, std::vector<Remark>& remarks) {
  const auto loaded = conf::load(path, conf::kImapd, conf::Untrusted::Read);
  if (!loaded) return;  // gone since it was read a moment ago
  const size_t known = remarks.size();
  for (const Remark& more : loaded->remarks) {
    const auto same = [&](const Remark& r) { return r.file == more.file && r.line == more.line; };
    const auto end = remarks.begin() + static_cast<std::ptrdiff_t>(known);
    if (std::none_of(remarks.begin(), end, same)) remarks.push_back(more);
  }
}

int check(const std::string& path, conf::Loaded loaded, conf::Program program) {
  if (program == conf::kTools) add_imapd_remarks(path, loaded.remarks);
  print_remarks(loaded.remarks, stdout);
  const auto wrong = contradictions(loaded.settings, program);
  for (const std::string& text : wrong) print(concat(escaped(path, 4096), ": error: ", text, "\n"));
  return loaded.remarks.empty() && wrong.empty() ? 0 : kProblems;
}

int host(const conf::Loaded& loaded) {
  print_remarks(loaded.remarks, stderr);
  const dmconf::Report report = dmconf::look_at_host(loaded);
  for (const auto* lines : {&report.problems, &report.facts})
    for (const std::string& text : *lines) print(concat(escaped(text, 4096), "\n"));
  return report.problems.empty() && loaded.defer() == nullptr ? 0 : kProblems;
}

// The first word after the options must be FILE; it is as servers want it, or nothing is moved.
int rehash(const std::vector<std::string>& words) {
  dmconf::RehashOptions options;
  std::string path = DMAIL_CONF;
  bool named = false;
  for (size_t i = 1; i < words.size(); ++i) {
    const bool value_follows = i + 1 < words.size();
    if (words[i] == "--move")
      options.move = true;
    else if (words[i] == "--from" && value_follows)
      options.from = words[++i];
    else if (words[i] == "--domain" && value_follows)
      options.domain = words[++i];
    else if (words[i].starts_with("-") || std::exchange(named, true))
      return fail(concat("rehash: ", escaped(words[i]), " is not understood; try --help"));
    else
      path = words[i];
  }
  if (!options.domain.empty() && options.from.empty()) return fail("--domain needs --from");
  if (!options.from.empty() && options.from.front() != '/')
    return fail("--from needs an absolute path");
  auto loaded = conf::load(path, conf::kTools);
  if (!loaded) return fail(loaded.error().log);
  if (const Remark* defer = loaded->defer())
    return fail(concat("nothing is moved while servers defer: ", conf::to_text(*defer)));
  if (loaded->settings.use_maildir || loaded->settings.drop_path.empty())
    return fail("rehash needs drop_path, and is for mbox: remove use_maildir");
  if (!options.domain.empty() && !account::is_local_domain(options.domain, loaded->settings))
    return fail(concat("--domain ", escaped(options.domain), " is no local domain"));
  return dmconf::rehash(loaded->settings, options);
}

int show(const conf::Loaded& loaded, bool all) {
  print_remarks(loaded.remarks, stderr);
  const Settings defaults;
  for (const Row& row : conf::rows()) {
    if (row.type == Row::Type::Ignored) continue;
    const auto lines = conf::values_of(loaded.settings, row);
    if (!all && lines == conf::values_of(defaults, row)) continue;
    for (const std::string& line : lines) print(line + "\n");
    if (!lines.empty()) continue;
    // What reads back as the same: a comment, unless there is a default to take away.
    print(row.default_text.empty() ? concat("# ", row.name, " is not set\n")
                                   : concat(row.name, " \"\"\n"));
  }
  return 0;
}

int explain(std::string_view name) {
  const Row* row = conf::find_row(name);
  if (row == nullptr) {
    const auto meant = conf::nearest(name);
    return fail(concat("no setting '", escaped(name), "'",
                       meant.empty() ? "" : concat("; did you mean ", meant, "?")));
  }
  const std::string programs = dmconf::programs_of(*row);
  if (row->type == Row::Type::Ignored) {
    print(concat(row->name, "\n  A setting of DMail that is not implemented (", programs, ").\n  ",
                 row->doc, "\n"));
    return 0;
  }
  print(concat(row->name, ' ', dmconf::argument_of(*row), "\n  ", row->doc, "\n  ",
               dmconf::facts_of(*row), "\n"));
  print(concat("  Read by ", programs.empty() ? "all programs" : programs, "; "));
  static constexpr std::string_view kSeen[] = {
      "seen by the part that runs as root only",
      "seen by the part that runs as root and the one that talks before login",
      "seen by the part that runs as root and the user's session",
      "seen by every process of a connection"};
  print(concat(kSeen[row->seen & conf::kBoth], ".\n"));
  return 0;
}

int man(const std::optional<std::string>& frame) {
  const std::string section = dmconf::man_section();
  if (!frame) {
    print(section);
    return 0;
  }
  const auto text = read_file(*frame, conf::kMaxFile);
  if (!text) return fail(text.error().log);
  constexpr std::string_view kMark = "@SETTINGS@\n";
  const size_t at = text->find(kMark);
  if (at == std::string::npos) return fail(concat(*frame, " has no line @SETTINGS@"));
  print(concat(text->substr(0, at), section, text->substr(at + kMark.size())));
  return 0;
}

std::optional<conf::Program> program_of(std::string_view name) {
  if (name == "imapd") return conf::kImapd;
  if (name == "dpopd") return conf::kDpopd;
  if (name == "dsmtpd") return conf::kDsmtpd;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  conf::Program program = conf::kTools;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "--version") {
      print(word == "--help" ? kUsage : "dmconf (dmail) " DMAIL_VERSION "\n");
      return 0;
    }
    if (word == "--program") {
      const auto named = program_of(i + 1 < argc ? argv[++i] : "");
      if (!named) return fail("--program needs imapd, dpopd or dsmtpd");
      program = *named;
    } else if (word.starts_with("--") && (words.empty() || words[0] != "rehash")) {
      return fail(concat("unknown option ", escaped(word), "; try --help"));
    } else {
      words.emplace_back(word);
    }
  }
  if (!words.empty() && words[0] == "rehash") return rehash(words);
  if (words.empty() || words.size() > 2) {
    print(kUsage, stderr);
    return kFailed;
  }
  const std::string& command = words[0];
  const std::optional<std::string> argument =
      words.size() == 2 ? std::optional(words[1]) : std::nullopt;
  if (command == "man") return man(argument);
  if (command == "explain") return argument ? explain(*argument) : fail("explain needs a name");
  if (command != "check" && command != "host" && command != "show" && command != "diff")
    return fail(concat("unknown command ", escaped(command), "; try --help"));

  const std::string path = argument.value_or(DMAIL_CONF);
  auto loaded = conf::load(path, program, conf::Untrusted::Read);
  if (!loaded)
    return fail(concat(loaded.error().log,
                       "; while servers cannot read it they defer all mail, and say ", "so in ",
                       conf::kUsualLogPath));
  if (command == "check") return check(path, std::move(*loaded), program);
  if (command == "host") return host(*loaded);
  return show(*loaded, command == "show");
}

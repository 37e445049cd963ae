// dmwho: see dmwho(8).
#include <unistd.h>

#include <cstdio>

#include "base/ascii.h"
#include "base/text.h"
#include "tools/dmwho/sessions.h"
#include "tools/dmwho/table.h"

namespace {

using namespace dmail;
using namespace dmail::dmwho;

constexpr int kPatienceMs = 10'000;
constexpr char kUsage[] =
    "usage: dmwho [--csv|--json] [PATTERN...]   who is logged in; of these accounts (* and ?)\n"
    "       dmwho --kick USER...                ends the sessions of these accounts\n"
    "       dmwho --version, --help\n";

bool wanted(const std::string& user, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return true;
  for (const std::string& pattern : patterns)
    if (wildcard_match(lower(pattern), lower(user))) return true;
  return false;
}

bool named(const std::string& user, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (iequals(user, name)) return true;
  return false;
}

int kick(const std::vector<Session>& all, const std::vector<std::string>& names) {
  int ended = 0, left = 0;
  for (const Session& s : all) {
    if (!named(s.facts.user, names)) continue;
    if (!end_session(s, kPatienceMs)) {
      // Gone by itself meanwhile, or not to be ended by us.
      if (::access(concat("/proc/", s.pid).c_str(), F_OK) != 0) continue;
      std::fprintf(stderr, "dmwho: process %d does not end\n", static_cast<int>(s.pid));
      ++left;
      continue;
    }
    std::printf("ended %s %s %s pid %d\n", escaped(s.facts.user, 200).c_str(),
                s.facts.service.c_str(), s.facts.client_ip.c_str(), static_cast<int>(s.pid));
    ++ended;
  }
  if (left > 0) return 2;
  if (ended == 0) std::fputs("dmwho: no session of that account\n", stderr);
  return ended == 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Form form = Form::Text;
  bool kicks = false;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") return std::fputs(kUsage, stdout), 0;
    if (word == "--version") return std::puts("dmwho (dmail) " DMAIL_VERSION), 0;
    if (word == "--csv") {
      form = Form::Csv;
    } else if (word == "--json") {
      form = Form::Json;
    } else if (word == "--kick") {
      kicks = true;
    } else if (word.starts_with('-')) {
      std::fprintf(stderr, "dmwho: unknown option %s\n%s", argv[i], kUsage);
      return 64;
    } else {
      words.emplace_back(word);
    }
  }
  if (kicks && (words.empty() || form != Form::Text)) return std::fputs(kUsage, stderr), 64;
  if (::geteuid() != 0) {
    // A session is closed to its own user's other processes, and so to us.
    std::fputs("dmwho: only root can look into sessions\n", stderr);
    return 77;
  }
  auto all = sessions();
  if (!all) {
    std::fprintf(stderr, "dmwho: %s\n", all.error().log.c_str());
    return 71;
  }
  if (kicks) return kick(*all, words);
  std::erase_if(*all, [&](const Session& s) { return !wanted(s.facts.user, words); });
  std::fputs(table(*all, form).c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 74;
}

// dmrelay: who may relay because of a login by IMAP or POP.  See dmrelay(8).
#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "conf/settings.h"
#include "privsep/drop.h"
#include "privsep/ids.h"
#include "privsep/tally_marks.h"
#include "tools/dmtally/book.h"

namespace {

using namespace dmail;

constexpr int kNotFound = 1, kFailed = 2;

constexpr std::string_view kUsage =
    "usage: dmrelay [-C FILE] [-p] COMMAND\n"
    "  list                addresses that may relay, who logged in there, and for how long yet\n"
    "  remove ADDRESS      takes the right away, until the next login; exit 1 when it had none\n"
    "  add ADDRESS USER    as if USER had logged in from there now\n"
    "  purge               removes what has expired\n"
    "  -C FILE             settings (" DMAIL_CONF
    ")\n"
    "  -p                  list for programs: ADDRESS TAB USER TAB LOGIN TAB SECONDS-LEFT\n"
    "  --help --version\n"
    "See dmrelay(8).\n";

void print(std::string_view text, FILE* to = stdout) {
  std::fwrite(text.data(), 1, text.size(), to);
}

int fail(std::string_view text) {
  print(concat("dmrelay: ", text, "\n"), stderr);
  return kFailed;
}

int fail(const Error& error) { return fail(error.log.empty() ? error.client : error.log); }

int list(tally::Book& book, int64_t window, bool parsable) {
  int count = 0;
  const Status done = book.each_login(window, [&](const tally::Book::Entry& e) {
    const std::string user = escaped(e.login.user, tally::kMaxUser);
    if (parsable)
      print(concat(e.ip, '\t', user, '\t', e.login.when, '\t', e.left, '\n'));
    else
      std::printf("%-39s  %-30s  %" PRId64 " s left\n", e.ip.c_str(), user.c_str(), e.left);
    ++count;
  });
  if (!done) return fail(done.error());
  if (!parsable && count == 0) print("No address may relay because of a login.\n");
  return 0;
}

int run(const conf::Settings& settings, const std::vector<std::string_view>& words, bool parsable) {
  // The database is the mail user's: files made by root would lock the servers out of it.
  if (privsep::is_root()) {
    const auto ids = privsep::ids_of(settings.mail_user);
    if (!ids) return fail(ids.error());
    privsep::make_tally_directory(settings.work_path, *ids);
    if (const Status done = privsep::become(*ids); !done) return fail(done.error());
  }
  auto book = tally::Book::open(privsep::tally_directory(settings.work_path));
  if (!book) return fail(book.error());
  const std::string_view word = words[0];
  if (word == "list" && words.size() == 1) return list(**book, settings.forward_window, parsable);
  if (word == "remove" && words.size() == 2) {
    auto removed = (*book)->remove_login(words[1]);
    if (!removed) return fail(removed.error());
    return *removed ? 0 : kNotFound;
  }
  if (word == "add" && words.size() == 3) {
    const Status done = (*book)->logged_in(words[1], words[2], settings.forward_window);
    return done ? 0 : fail(done.error());
  }
  if (word == "purge" && words.size() == 1) {
    auto removed = (*book)->purge();
    if (!removed) return fail(removed.error());
    print(concat(*removed, " removed\n"));
    return 0;
  }
  print(kUsage, stderr);
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  std::string file = DMAIL_CONF;
  bool parsable = false;
  std::vector<std::string_view> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--help") return print(kUsage), 0;
    if (a == "--version") return print("dmrelay (dmail) " DMAIL_VERSION "\n"), 0;
    if (a == "-p")
      parsable = true;
    else if (a == "-C" && i + 1 < argc)
      file = argv[++i];
    else
      words.push_back(a);
  }
  if (words.empty()) return print(kUsage, stderr), kFailed;
  auto loaded = conf::load(file, conf::kTools);
  if (!loaded) return fail(loaded.error());
  return run(loaded->settings, words, parsable);
}

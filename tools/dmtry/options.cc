#include "tools/dmtry/options.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/number.h"
#include "base/text.h"

namespace dmail::dmtry {
namespace {

constexpr char kUsage[] =
    "usage: dmtry DIR [--imap PORT] [--imaps PORT] [--pop3 PORT] [--pop3s PORT] [--smtp PORT]\n"
    "             [--submission PORT] [--submissions PORT] [--lmtp PORT]\n"
    "             [--user NAME:PASSWORD]... [--domain NAME] [--set \"NAME VALUE\"]...\n"
    "\n"
    "Starts a private dmail in DIR on 127.0.0.1, prints `ready` when every port answers, and stops "
    "all\n"
    "it started on SIGTERM, SIGINT or the end of its standard input.  Port 0 is any free port; "
    "without\n"
    "any port option every service gets one.  DIR/env has the ports, users and the certificate as "
    "shell\n"
    "variables, DIR/log what happened, DIR/dmail.conf the settings (--set adds to it).\n"
    "As root the programs change to the uids of a real installation (numbers that no account "
    "has);\n"
    "as an ordinary user everything runs as that user.\n"
    "\n"
    "    dmtry /tmp/try --imap 1143 --smtp 1025 --user me:secret     (until Control-C)\n"
    "    . /tmp/try/env; curl -u $USER1:$PASS1 imap://localhost:$IMAP_PORT\n";

[[noreturn]] void wrong(const std::string& text) {
  std::fprintf(stderr, "dmtry: %s\n%s", text.c_str(), kUsage);
  std::exit(64);
}

User parse_user(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == text.size())
    wrong("--user wants NAME:PASSWORD, not " + text);
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool parse_port(const std::string& option, const std::string& value, Options& o) {
  for (size_t i = 0; i < kServices.size(); ++i) {
    if (kServices[i].option != option) continue;
    const auto port = parse_u32(value, 65535);
    if (!port) wrong(option + " wants a port number, not " + value);
    o.ports[i] = static_cast<int>(*port);
    return true;
  }
  return false;
}

bool takes_value(const std::string& option) {
  if (option == "--user" || option == "--set" || option == "--domain") return true;
  return std::any_of(kServices.begin(), kServices.end(),
                     [&](const Service& s) { return s.option == option; });
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options o;
  o.ports.fill(-1);
  bool any_port = false;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--help" || a == "-h") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    }
    if (a == "--version") {
      std::puts("dmtry " DMAIL_VERSION);
      std::exit(0);
    }
    if (a.starts_with("--")) {
      if (!takes_value(a)) wrong("unknown option " + a);
      if (i + 1 >= argc) wrong(a + " wants a value");
      const std::string value = argv[++i];
      if (parse_port(a, value, o))
        any_port = true;
      else if (a == "--user")
        o.users.push_back(parse_user(value));
      else if (a == "--set")
        o.settings.push_back(value);
      else
        o.domain = value;
    } else if (o.directory.empty()) {
      o.directory = a;
    } else {
      wrong("one directory only");
    }
  }
  if (o.directory.empty()) wrong("no directory given");
  if (!any_port) o.ports.fill(0);
  if (o.users.empty()) o.users = {{"user1", "secret1"}, {"user2", "secret2"}};
  if (o.directory[0] != '/') {
    char here[PATH_MAX];
    if (::realpath(".", here) != nullptr) o.directory = concat(here, '/', o.directory);
  }
  return o;
}

}  // namespace dmail::dmtry

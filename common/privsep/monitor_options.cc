#include "privsep/monitor_options.h"

#include <unistd.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::privsep {

Result<MonitorOptions> monitor_options(int argc, char** argv,
                                       std::initializer_list<std::string_view> services) {
  MonitorOptions out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-C" || word == "-i") {
      if (++i == argc) return Error{ErrorKind::BadInput, "", concat(word, " takes a file name")};
      out.config = argv[i];
    } else if (word == "--tls") {
      out.tls = true;
    } else if (word == "--help") {
      out.help = true;
    } else if (word == "--version") {
      out.version = true;
    } else if (std::find(services.begin(), services.end(), word) != services.end()) {
      out.service = word;
    } else {
      return Error{ErrorKind::BadInput, "", concat("unknown option ", escaped(word, 40))};
    }
  }
  return out;
}

std::string greeting_host(const std::string& first_domain, const std::string& dpop_host) {
  std::string host = first_domain.empty() ? dpop_host : first_domain;
  if (host.empty()) {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) == 0) host = name;
  }
  for (char& c : host)
    if (!is_graph(c)) c = '?';
  return host.empty() ? "localhost" : host;
}

}  // namespace dmail::privsep

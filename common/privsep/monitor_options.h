// The command line of a root monitor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::privsep {

struct MonitorOptions {
  std::string config = DMAIL_CONF;
  bool tls = false;   // TLS from the first byte (imaps, pop3s)
  bool help = false;  // print, and nothing else
  bool version = false;
};

Result<MonitorOptions> monitor_options(int argc, char** argv);

// The name for greetings: the first host_domain, else dpop_host, else the host's own.
std::string greeting_host(const std::string& first_domain, const std::string& dpop_host);

}  // namespace dmail::privsep

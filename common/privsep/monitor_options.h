// The command line of a root monitor.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::privsep {

struct MonitorOptions {
  std::string config = DMAIL_CONF;
  bool tls = false;   // TLS from the first byte (imaps, pop3s)
  bool help = false;  // print, and nothing else
  bool version = false;
  std::string_view service;  // "--lmtp"
};

// `services`: further options of this daemon, of which the last one given is `service`.
Result<MonitorOptions> monitor_options(int argc, char** argv,
                                       std::initializer_list<std::string_view> services = {});

// The name for greetings: the first host_domain, else dpop_host, else the host's own.
std::string greeting_host(const std::string& first_domain, const std::string& dpop_host);

}  // namespace dmail::privsep

// One exchange's dmsasl, as its monitor sees it (sasl_protocol.h): a process of its own uid with
// limits, that may gain no rights and start nothing, that ends when the channel closes, and that
// the kernel ends after kExchangeSeconds whatever it does.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "base/result.h"
#include "conf/settings.h"
#include "privsep/frame.h"
#include "privsep/tls_files.h"

namespace dmail::privsep {

class SaslProgram {
 public:
  // `tls` is the connection's, or null.  Errors: no program, no such account (auth_user), root's
  // ids.  `mechanism` says which of the administrator's files it gets, open.
  static Result<std::unique_ptr<SaslProgram>> start(const conf::Settings& settings,
                                                    std::string_view mechanism,
                                                    const TlsFiles* tls);
  ~SaslProgram();  // kills and reaps
  SaslProgram(const SaslProgram&) = delete;
  SaslProgram& operator=(const SaslProgram&) = delete;

  // Errors: it is gone, stuck, or speaks nonsense.
  Status send(const Frame& frame);
  Result<Frame> receive();

 private:
  SaslProgram(Channel channel, pid_t pid) : channel_(std::move(channel)), pid_(pid) {}
  Channel channel_;
  pid_t pid_;
};

}  // namespace dmail::privsep

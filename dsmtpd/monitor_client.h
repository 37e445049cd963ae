// The session's end of the socket to the root monitor.  Nothing here is worth deceiving: whatever
// the session says, the monitor checks.
#pragma once

#include <functional>
#include <string_view>

#include "dsmtpd/backend.h"
#include "dsmtpd/requests.h"
#include "io/tls.h"
#include "privsep/frame.h"

namespace dmail::dsmtpd {

class MonitorClient : public Backend {
 public:
  // `patience_ms`: how long the monitor may take for one answer.
  MonitorClient(privsep::Channel& channel, int64_t patience_ms)
      : channel_(channel), patience_ms_(patience_ms) {}

  Reply add_recipient(const Path& path) override;
  void forget() override;
  Result<int> open_spool(uint64_t announced) override;
  void deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) override;
  privsep::GateAnswer ask_gate(const privsep::Frame& request) override;
  void forwarded(const privsep::XClient& xclient) override;
  void message_refused(const Envelope& envelope, const Reply& reply) override;
  void note(std::string_view event, std::string_view text) override;
  void start_tls() override;

  void ended(const SessionEnd& end);    // the last
  void tell_tls(const TlsStream& tls);  // once, after the handshake

 private:
  void send(const privsep::Frame& frame);
  privsep::Frame receive();
  Reply receive_reply();

  privsep::Channel& channel_;
  int64_t patience_ms_;
  OwnedFd spool_;
  int notes_ = 0;
};

}  // namespace dmail::dsmtpd

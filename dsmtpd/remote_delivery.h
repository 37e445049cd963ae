// One message for recipients whose mail is on another host: handed there by LMTP.  Part of the root
// monitor, which connects; everything that is said is dmail-proxy's, in its jail.
#pragma once

#include <vector>

#include "conf/settings.h"
#include "dsmtpd/handoff.h"
#include "dsmtpd/recipient.h"
#include "dsmtpd/reply.h"
#include "dsmtpd/trace.h"
#include "log/log.h"
#include "privsep/connection.h"

namespace dmail::dsmtpd {

inline constexpr int kRemoteDeliverySeconds = 14 * 60;  // all of it

struct RemoteDelivery {
  std::vector<const Recipient*> recipients;  // of the same host, at least one
  Trace trace;
  const MailFacts* mail = nullptr;
  int spool = -1;  // open for reading
};

// One reply for each recipient, in order; 250 means that the other host has taken the message.
std::vector<Reply> deliver_remote(const conf::Settings& settings, log::Log& log,
                                  const privsep::Endpoints& ends, const RemoteDelivery& delivery);

}  // namespace dmail::dsmtpd

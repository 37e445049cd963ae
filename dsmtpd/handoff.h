// One delivery: dsmtpd-deliver, as the recipient, and what came of it.  Part of the root monitor.
#pragma once

#include <sys/statvfs.h>

#include <cstdint>

#include "conf/settings.h"
#include "dsmtpd/recipient.h"
#include "dsmtpd/reply.h"
#include "dsmtpd/trace.h"
#include "log/log.h"
#include "privsep/ids.h"

namespace dmail::dsmtpd {

// How long a delivery may take beyond lock_timeout before it is stopped.
inline constexpr int kDeliverySeconds = 300;

// What the log is to know of a message, beside its trace.
struct MailFacts {
  std::string message_id;  // as its header has it; empty: none
  std::string login;       // the account that sends it; empty: nobody has logged in
  std::string client_ip;
  uint64_t size = 0;  // octets, as they came
};

struct DeliveryPlan {
  const MailFacts* mail = nullptr;
  const Recipient* recipient = nullptr;
  Trace trace;
  int spool = -1;  // open for reading
  bool lmtp = false;
  bool tls = false;
  privsep::Ids mail_ids;  // the mail user; invalid when we are not root
};

// An unlinked file in work_path/spool (made when missing), open for reading and writing.
Result<OwnedFd> open_spool_file(const conf::Settings& settings);
// Whether smtp_min_free is still there on the file system of the spool file when a message of
// `announced` octets is.
Status check_room(const conf::Settings& settings, int fd, uint64_t announced);
Status check_room(const conf::Settings& settings, const struct statvfs& room, uint64_t announced);
// The same file, for reading only: what the recipient's process gets.
Result<OwnedFd> reopen_for_reading(int fd);

// The reply for the recipient; 250 means that the message is on the disk.
Reply deliver(const conf::Settings& settings, log::Log& log, const DeliveryPlan& plan);

// The reply for an exit status of dsmtpd-deliver (<sysexits.h>), -1 for none.
Reply reply_for_exit(int status, const std::string& address);

// Whether that status is something to repair: neither a full quota nor a mailbox in use.
bool is_fault_status(int status);

}  // namespace dmail::dsmtpd

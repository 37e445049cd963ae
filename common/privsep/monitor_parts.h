// What the monitors of imapd, dpopd and dsmtpd have in common.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "account/account.h"
#include "auth/authenticator.h"
#include "base/result.h"
#include "conf/settings.h"
#include "io/owned_fd.h"
#include "log/log.h"
#include "privsep/frame.h"
#include "privsep/ids.h"
#include "privsep/jail.h"
#include "privsep/tls_files.h"

namespace dmail::privsep {

// The log that dmail.conf names; of one that cannot be read, the usual place.
log::Log open_monitor_log(std::string_view program, const Result<conf::Loaded>& loaded);
// What was found in dmail.conf at `path`: errors always, warnings when the log is to know
// everything. False when nobody may be served with it; then one line says why.
bool log_configuration(log::Log& log, const std::string& path, const Result<conf::Loaded>& loaded);

// A line for the log from the jailed process: bounded, its name letters and `-`, and not that of an
// event which only the monitor can know.
bool is_note(const Frame& frame, size_t max_text);

// Its line.  kTlsUnusable is a fault of the host's: the line names the files of the certificate
// that the program was given.  Everything else is the client's.
void log_note(log::Log& log, const Frame& note, std::string_view ip, const TlsFiles& files);

// The accounts of the host that a monitor needs, from one reading of /etc/passwd.  Invalid ones are
// not there, or we are not root.
struct HostIds {
  Ids mail;
  Ids modules;  // module_user; looked up for external modules only
};
HostIds host_ids(const conf::Settings& settings);

std::unique_ptr<auth::Authenticator> make_authenticator(const conf::Settings& settings,
                                                        account::Service service,
                                                        std::string_view client_ip,
                                                        const HostIds& ids);
// The module is asked even about a refused name, so that its time is that of a wrong password; and
// so that it is a temporary failure, too, while the module cannot answer.
auth::Answer check_password(auth::Authenticator& authenticator, const Result<account::Name>& name,
                            std::string_view password);
// Waits until a whole number of `step_ms` has passed since `began` (monotonic): whatever the reason
// of a refusal, a name that exists is not told from one that does not.  Nothing but its
// end gets a jailed process out of the wait: what it says meanwhile waits, too.
void wait_after_refusal(int64_t began, int64_t step_ms, int channel_fd);

}  // namespace dmail::privsep

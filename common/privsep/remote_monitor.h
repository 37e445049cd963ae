// dmail-proxy as a root monitor sees it: started in the jail with a connection that the monitor
// has made, told what to do (remote_job.h), and listened to.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "conf/settings.h"
#include "log/log.h"
#include "privsep/connection.h"
#include "privsep/frame.h"
#include "privsep/remote.h"
#include "privsep/remote_job.h"

namespace dmail::privsep {

class RemoteProgram {
 public:
  RemoteProgram() = default;
  RemoteProgram(const RemoteProgram&) = delete;
  RemoteProgram& operator=(const RemoteProgram&) = delete;
  ~RemoteProgram();  // ends it

  // `input` and `output` are its descriptors 0 and 1.  It waits for its job.
  Status start(const conf::Settings& settings, RemoteTls tls, int input, int output,
               const OwnedFd& backend);
  // Throws ConnectionOver when it takes nothing.
  void tell(const RemoteJob& job, const std::vector<std::string>& recipients = {});
  // Its next frame, notes put into the log on the way; nullopt at its end.  Throws ConnectionOver:
  // Timeout, and ProtocolBroken for what is no frame of its.
  std::optional<Frame> next(log::Log& log, const std::string& host, Deadline deadline);
  // Waits for its end, and kills it at the deadline.
  void wait(Deadline deadline);

 private:
  Channel channel_;
  pid_t pid_ = -1;
  int notes_ = 0;
};

// What every job says: host, TLS, times, and for whom we come.
RemoteJob remote_job_for(const conf::Settings& settings, const RemoteHost& host,
                         RemoteProtocol protocol, const Endpoints& ends,
                         const std::string& session_id);

// The rest of a monitor's life once its client is the program's: no root any more (the ids of
// login_user, for good), the connection closed on this side, the program's notes into the log.
[[noreturn]] void attend_remote(RemoteProgram& program, const conf::Settings& settings,
                                log::Log& log, const std::string& user, const std::string& host);

}  // namespace dmail::privsep

// What a root monitor and the jailed program dmail-proxy say to each other (tools/proxy/main.cc).
//
//   monitor -> proxy   Job         once, first: RemoteJob's fields
//                      Recipient   address; as many as the job says (LMTP)
//   proxy -> monitor   Note        event, text             a line of the log
//                      Established text                    logged in there; bytes pass from now on
//                      Answer      code, enhanced, text    LMTP: one a recipient, in order
//
// Descriptors of the proxy: 0 and 1 the client (LMTP: 0 is the message, to be read from its
// start), kMonitorFd, kCaFd the PEM file remote_ca (-tls program only), kBackendFd the connection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "privsep/frame.h"
#include "privsep/remote.h"

namespace dmail::privsep {

enum RemoteFrame : uint8_t {
  kRemoteJob = 1,
  kRemoteRecipient = 2,
  kRemoteNote = 3,
  kRemoteEstablished = 4,
  kRemoteAnswer = 5,
};

inline constexpr int kCaFd = 6;
inline constexpr int kBackendFd = 7;
inline constexpr int kMaxRemoteNotes = 20;
inline constexpr size_t kMaxRemoteNote = 500;

struct RemoteJob {
  RemoteJob() = default;
  RemoteJob(RemoteJob&&) = default;
  RemoteJob& operator=(RemoteJob&&) = default;
  ~RemoteJob();  // wipes the password

  RemoteProtocol protocol = RemoteProtocol::Imap;
  RemoteTls tls = RemoteTls::None;
  std::string host;         // what the certificate must be for
  std::string tls_minimum;  // as in dmail.conf
  std::string tls_ciphers;
  int64_t timeout_s = 30;  // for the dialogue up to the login; LMTP: for each step of it
  int64_t idle_s = 1860;   // bytes in neither direction for so long: over
  // For whom we come.
  std::string our_name;
  std::string client_ip, client_port, local_ip, local_port, session_id;
  // The login.  `master` empty: the user's own password; else the proxy account's name.
  std::string user, master, password;
  std::string tag;      // IMAP: of the client's command
  std::string command;  // "LOGIN", "AUTHENTICATE": for texts
  std::string pending;  // what the client has sent behind it
  // LMTP: an envelope.
  std::string sender, helo, with;  // `with`: the protocol it came by, for the trace line
  uint64_t size = 0;               // of the message on descriptor 0
  uint64_t recipients = 0;
};

Frame frame_of(const RemoteJob& job);
Result<RemoteJob> remote_job_of(Frame& frame);

}  // namespace dmail::privsep

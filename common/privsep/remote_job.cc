#include "privsep/remote_job.h"

#include <utility>

#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::privsep {
namespace {

constexpr int64_t kMaxSeconds = 7 * 24 * 3600;

// The texts, in the order of their fields.
constexpr std::string RemoteJob::*kTexts[] = {
    &RemoteJob::host,     &RemoteJob::tls_minimum, &RemoteJob::tls_ciphers,
    &RemoteJob::our_name, &RemoteJob::client_ip,   &RemoteJob::client_port,
    &RemoteJob::local_ip, &RemoteJob::local_port,  &RemoteJob::session_id,
    &RemoteJob::user,     &RemoteJob::master,      &RemoteJob::password,
    &RemoteJob::tag,      &RemoteJob::command,     &RemoteJob::pending,
    &RemoteJob::sender,   &RemoteJob::helo,        &RemoteJob::with,
};
constexpr size_t kNumbers = 6;

Error misshapen() {
  return Error{ErrorKind::BadInput, "Internal error", "misshapen job from the monitor"};
}

}  // namespace

RemoteJob::~RemoteJob() { wipe(password); }

Frame frame_of(const RemoteJob& job) {
  Frame frame(kRemoteJob);
  frame.fields.reserve(kNumbers + std::size(kTexts));
  frame.fields.emplace_back(protocol_name(job.protocol));
  frame.fields.emplace_back(tls_name(job.tls));
  frame.fields.push_back(concat(job.timeout_s));
  frame.fields.push_back(concat(job.idle_s));
  frame.fields.push_back(concat(job.recipients));
  frame.fields.push_back(concat(job.size));
  for (const auto text : kTexts) frame.fields.push_back(job.*text);
  return frame;
}

Result<RemoteJob> remote_job_of(Frame& frame) {
  if (frame.type != kRemoteJob || frame.fields.size() != kNumbers + std::size(kTexts))
    return misshapen();
  RemoteJob job;
  const std::string& protocol = frame.fields[0];
  if (protocol != "imap" && protocol != "pop" && protocol != "lmtp") return misshapen();
  job.protocol = protocol == "imap"  ? RemoteProtocol::Imap
                 : protocol == "pop" ? RemoteProtocol::Pop
                                     : RemoteProtocol::Lmtp;
  const auto tls = remote_tls_of(frame.fields[1]);
  const auto timeout = parse_u64(frame.fields[2], kMaxSeconds);
  const auto idle = parse_u64(frame.fields[3], kMaxSeconds);
  const auto recipients = parse_u64(frame.fields[4], 100000);
  const auto size = parse_u64(frame.fields[5]);
  if (!size || !tls || !timeout || !idle || !recipients) return misshapen();
  job.tls = *tls;
  job.timeout_s = static_cast<int64_t>(*timeout);
  job.idle_s = static_cast<int64_t>(*idle);
  job.recipients = *recipients;
  job.size = *size;
  for (size_t i = 0; i < std::size(kTexts); ++i)
    job.*kTexts[i] = std::move(frame.fields[kNumbers + i]);
  return job;
}

}  // namespace dmail::privsep

#include "dsmtpd/remote_delivery.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "dsmtpd/handoff.h"
#include "dsmtpd/requests.h"
#include "io/connection_over.h"
#include "privsep/remote_monitor.h"

namespace dmail::dsmtpd {
namespace {

constexpr size_t kMaxAnswer = 500;

Reply not_now() { return answer(451, "4.4.1", "The server of this mailbox cannot be reached now"); }

// An answer of the jailed program; nullopt for one that it should not give.
std::optional<Reply> reply_of_proxy(const privsep::Frame& frame) {
  if (frame.type != privsep::kRemoteAnswer) return std::nullopt;
  const auto code = parse_u32(frame.fields[0], 599);
  const bool final = code && (*code / 100 == 2 || *code / 100 == 4 || *code / 100 == 5);
  if (!final || frame.fields[1].size() > 20 || frame.fields[2].size() > kMaxAnswer)
    return std::nullopt;
  if (!is_clean(frame.fields[1]) || !is_clean(frame.fields[2])) return std::nullopt;
  // A recipient is stored by 250 and nothing else.
  return answer(*code / 100 == 2 ? 250 : static_cast<int>(*code), frame.fields[1], frame.fields[2]);
}

Status converse(const conf::Settings& settings, log::Log& log, const privsep::Endpoints& ends,
                const RemoteDelivery& delivery, std::vector<Reply>& replies) {
  const privsep::RemoteHost& host = *delivery.recipients.front()->host;
  const Deadline deadline = Deadline::in_seconds(kRemoteDeliverySeconds);
  auto backend = privsep::connect_to(host, Deadline::in_seconds(settings.remote_timeout));
  if (!backend) return std::move(backend.error());
  // With a position of its own.
  auto message = reopen_for_reading(delivery.spool);
  if (!message) return std::move(message.error());
  const OwnedFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null.valid()) return system_error("open /dev/null", errno);

  privsep::RemoteProgram program;
  DMAIL_TRY(program.start(settings, host.tls, message->get(), null.get(), *backend));
  privsep::RemoteJob job = privsep::remote_job_for(settings, host, privsep::RemoteProtocol::Lmtp,
                                                   ends, delivery.trace.session_id);
  job.sender = delivery.trace.sender;
  job.helo = delivery.trace.helo;
  job.with = delivery.trace.protocol;
  struct stat st {};
  if (::fstat(message->get(), &st) == 0) job.size = static_cast<uint64_t>(st.st_size);
  std::vector<std::string> addresses;
  for (const Recipient* r : delivery.recipients) addresses.push_back(r->target);
  job.recipients = addresses.size();
  program.tell(job, addresses);
  while (replies.size() < addresses.size()) {
    auto frame = program.next(log, host.name, deadline);
    if (!frame) return Error{ErrorKind::TryLater, "", "dmail-proxy ended early"};
    auto reply = reply_of_proxy(*frame);
    if (!reply) return Error{ErrorKind::BadInput, "", "an odd answer of dmail-proxy"};
    replies.push_back(std::move(*reply));
  }
  // Its last note, if there is one.
  while (program.next(log, host.name, Deadline::in_seconds(10))) continue;
  program.wait(Deadline::in_seconds(10));
  return {};
}

}  // namespace

std::vector<Reply> deliver_remote(const conf::Settings& settings, log::Log& log,
                                  const privsep::Endpoints& ends, const RemoteDelivery& delivery) {
  const std::string& host = delivery.recipients.front()->host->name;
  std::vector<Reply> replies;
  Status done;
  try {
    done = converse(settings, log, ends, delivery, replies);
  } catch (const ConnectionOver& over) {
    done = Error{ErrorKind::TryLater, "", over.what()};
  }
  if (!done) log.error("remote-failed", {{"host", host}, {"text", done.error().log}});
  // Answers that were given stand: those messages are stored there.
  replies.resize(delivery.recipients.size(), not_now());
  for (size_t i = 0; i < replies.size(); ++i) {
    const Recipient& recipient = *delivery.recipients[i];
    // A refusal for good is the other host's, about its user; what keeps coming back is not.
    const bool fault = replies[i].code >= 400 && replies[i].code < 500;
    log.line(fault ? log::Level::Error : log::Level::Info,
             replies[i].code == 250 ? "delivered" : "not-delivered",
             {{"from", delivery.trace.sender},
              {"to", recipient.address},
              {"user", recipient.account.user},
              {"ip", delivery.mail->client_ip},
              {"protocol", delivery.trace.protocol},
              {"login", delivery.mail->login},
              {"size", delivery.mail->size},
              {"message_id", delivery.mail->message_id},
              {"host", host},
              {"as", recipient.target},
              {"code", replies[i].code},
              {"text", replies[i].lines.front()}});
  }
  return replies;
}

}  // namespace dmail::dsmtpd

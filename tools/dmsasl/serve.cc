#include "tools/dmsasl/serve.h"

#include <ctime>

#include "io/connection_over.h"

namespace dmail::dmsasl {
namespace {

using privsep::Frame;

[[noreturn]] void broken(const char* what) {
  throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, what);
}

Frame frame_of(Outcome outcome) {
  const char* why = "wrong";
  switch (outcome.kind) {
    case Outcome::Kind::Challenge:
      return Frame(privsep::kExchangeChallenge, {std::move(outcome.bytes)});
    case Outcome::Kind::Done:
      return Frame(privsep::kExchangeDone, {std::move(outcome.user), std::move(outcome.authorize)});
    case Outcome::Kind::Temporary:
      why = "temporary";
      break;
    case Outcome::Kind::Unavailable:
      why = "unavailable";
      break;
    case Outcome::Kind::Wrong:
      break;
  }
  outcome.user.resize(std::min(outcome.user.size(), privsep::kMaxExchangeText));
  return Frame(privsep::kExchangeFailed, {why, std::move(outcome.user), std::move(outcome.text)});
}

void wait_until(int64_t when_ms) {
  const int64_t left = when_ms - monotonic_ms();
  if (left <= 0) return;
  timespec span{left / 1000, left % 1000 * 1'000'000};
  while (::nanosleep(&span, &span) != 0) {
  }
}

}  // namespace

void serve(privsep::Channel& channel, Exchange* exchange, std::string_view text,
           Deadline deadline) {
  if (exchange == nullptr) {
    channel.send(Frame(privsep::kExchangeFailed, {"unavailable", "", std::string(text)}), deadline);
    return;
  }
  int64_t came = monotonic_ms();
  Outcome outcome = exchange->start();
  for (;;) {
    const bool over = outcome.final();
    if (over && outcome.kind != Outcome::Kind::Done) wait_until(came + kFailureMs);
    channel.send(frame_of(std::move(outcome)), deadline);
    if (over) return;
    auto frame = channel.receive(deadline);
    if (!frame) return;  // cancelled, or the client is gone
    if (frame->type != privsep::kExchangeStep || frame->fields.size() != 1 || frame->fd.valid())
      broken("not a step");
    came = monotonic_ms();
    outcome = exchange->step(frame->fields[0]);
  }
}

privsep::SecretAnswer ask_monitor(privsep::Channel& channel, const std::string& user,
                                  Deadline deadline) {
  channel.send(Frame(privsep::kExchangeWantSecret, {user}), deadline);
  auto frame = channel.receive(deadline);
  if (!frame) throw ConnectionOver(ConnectionOver::Why::PeerClosed, "no answer about a user");
  auto answer = privsep::secret_of(*frame);
  if (!answer || frame->fd.valid()) broken("not a secret");
  return std::move(*answer);
}

}  // namespace dmail::dmsasl

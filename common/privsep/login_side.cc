#include "privsep/login_side.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "io/last_words.h"
#include "io/tls_relay.h"
#include "io/wipe_stack.h"
#include "privsep/jail.h"
#include "privsep/mechanisms.h"
#include "privsep/tls_side.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr int kAnswerSeconds = 700;  // over the longest authent_timeout
constexpr int kWriteSeconds = 60;

LoginStart take_start(Channel& channel) {
  auto frame = channel.receive(Deadline::in_seconds(kLoginSeconds));
  if (!frame) throw ConnectionOver(Why::PeerClosed, "no start frame");
  auto start = login_start_of(*frame);
  if (!start) throw ConnectionOver(Why::ProtocolBroken, start.error().log);
  return std::move(*start);
}

}  // namespace

LoginSide::LoginSide()
    : channel_(OwnedFd(kMonitorFd)),
      start_(take_start(channel_)),
      deadline_(Deadline::in_seconds(start_.seconds)),
      plain_(0, 1),
      stream_(&plain_),
      reader_(plain_) {
  if (start_.tls) accept_tls();
}

void LoginSide::accept_tls() {
  auto made = privsep::accept_tls(
      {start_.tls_minimum, start_.tls_ciphers, start_.service == "pop" ? "pop3" : start_.service,
       start_.stamp, start_.tls_by_name},
      channel_, deadline_);
  if (!made) {
    note(tls_event(made.error()), made.error().log);
    throw ConnectionOver(Why::PeerClosed, "TLS handshake failed");
  }
  tls_ = std::move(*made);
  stream_ = tls_.get();
  reader_.set_stream(*stream_);
  if (tls_->client_proof().empty())
    start_.mechanisms = without_mechanism(start_.mechanisms, "EXTERNAL");
  channel_.send(Frame(kTlsFacts, {tls_->version(), tls_->cipher(), tls_->resumed() ? "1" : "0"}),
                Deadline::in_seconds(kAnswerSeconds));
}

void LoginSide::write(std::string_view bytes) {
  stream_->write(bytes, Deadline::in_seconds(kWriteSeconds));
}

GateAnswer LoginSide::ask(const Frame& request) {
  asked_ = true;
  channel_.send(request, Deadline::in_seconds(kAnswerSeconds));
  auto frame = channel_.receive(Deadline::in_seconds(kAnswerSeconds));
  if (!frame) throw ConnectionOver(Why::PeerClosed, "no answer over the boundary");
  auto answer = gate_answer_of(*frame);
  if (!answer) throw ConnectionOver(Why::ProtocolBroken, answer.error().log);
  out_of_tries_ = out_of_tries_ || answer->last;
  return std::move(*answer);
}

std::optional<std::string> LoginSide::response(const std::string& challenge) {
  return respond_(challenge);
}

bool LoginSide::password_commands() const { return privsep::password_commands(mechanisms()); }

SaslOutcome LoginSide::authenticate(std::string_view user, std::string_view secret,
                                    std::string_view method) {
  SaslOutcome outcome = ask_authenticate(*this, user, secret, method);
  wipe_stack();  // before the frames of what comes next lie over it, with gaps
  return outcome;
}

SaslOutcome LoginSide::apop(std::string_view user, std::string_view digest) {
  return ask_apop(*this, user, digest);
}

SaslOutcome LoginSide::sasl(std::string_view mechanism, std::optional<std::string> initial,
                            Respond respond) {
  respond_ = std::move(respond);
  asked_ = false;
  const SaslOutcome outcome =
      run_sasl(*this, {mechanisms(), mechanism, may_log_in(), std::move(initial), tls_.get()});
  wipe_stack();
  // What the monitor has been asked it has logged.
  if (const std::string why = refusal_text(mechanism, outcome); !asked_ && !why.empty())
    note("refused", why);
  return outcome;
}

bool LoginSide::nothing_unread() {
  if (reader_.ready()) return false;
  pollfd p{stream_->read_fd(), POLLIN, 0};
  return ::poll(&p, 1, 0) == 0;
}

void LoginSide::start_tls() {
  channel_.send(Frame(kStartTls), Deadline::in_seconds(kAnswerSeconds));
  (void)channel_.receive(Deadline::in_seconds(kAnswerSeconds));
  ::_exit(0);
}

void LoginSide::hand_over(std::string_view tag, std::string_view command) {
  channel_.send(
      Frame(kHandOver, {std::string(tag), std::string(command), std::string(reader_.buffered())}),
      Deadline::in_seconds(kAnswerSeconds));
  auto answer = channel_.receive(Deadline::in_seconds(kAnswerSeconds));
  referral_.clear();
  if (answer && answer->type == kReferral && answer->fields.size() == 1) {
    referral_ = std::move(answer->fields[0]);
    answer = channel_.receive(Deadline::in_seconds(kAnswerSeconds));
  }
  if (!answer) ::_exit(0);
  if (answer->type == kRefused) {
    auto refused = gate_answer_of(*answer);
    if (!refused) throw ConnectionOver(Why::ProtocolBroken, refused.error().log);
    out_of_tries_ = refused->last;
    return;
  }
  if (answer->type != kGo || answer->fd.valid() != tls())
    throw ConnectionOver(Why::ProtocolBroken, "odd answer over the boundary");
  if (!tls_) ::_exit(0);
  channel_.close();
  reader_.discard_buffered();
  tls_->forget_handshake();
  wipe_stack();
  try {
    relay(*tls_, answer->fd.get());
  } catch (const ConnectionOver&) {
    // The client is gone or reads nothing: the dialogue has no more to say, either.
  }
  ::_exit(0);
}

bool LoginSide::forwarded(const XClient& xclient) {
  const bool trusted = start_.trusted_peer || !xclient.says_client();
  if (forwarded_ || xclient == XClient()) return trusted;
  XClient told = xclient;
  if (!start_.trusted_peer) told.client = {};
  if (told == XClient()) return trusted;
  forwarded_ = true;
  channel_.send(forwarded_frame(kForwarded, told), Deadline::in_seconds(kAnswerSeconds));
  const auto taken = channel_.receive(Deadline::in_seconds(kAnswerSeconds));
  if (!taken) throw ConnectionOver(Why::PeerClosed, "the client named by its proxy is not welcome");
  if (taken->type != kForwarded)
    throw ConnectionOver(Why::ProtocolBroken, "odd answer over the boundary");
  return trusted;
}

void LoginSide::finish() {
  if (tls_) tls_->shutdown();
  let_last_words_arrive_if_unread(0, 1);
}

void LoginSide::note(std::string_view event, std::string_view text) {
  if (++notes_ > kMaxNotes) return;
  channel_.send(Frame(kNote, {std::string(event), std::string(text.substr(0, kMaxNote))}),
                Deadline::in_seconds(kWriteSeconds));
}

bool is_http_request(std::string_view line) {
  for (const std::string_view verb : {"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ",
                                      "CONNECT ", "TRACE ", "PATCH ", "PRI "})
    if (line.starts_with(verb) &&
        (line.find(" HTTP/") != line.npos || line.substr(verb.size()).starts_with('/')))
      return true;
  return false;
}

int run_login(void (*dialogue)(LoginSide&), std::string_view late) {
  if (!started_by_monitor()) return 2;
  if (!enter_jail()) return 1;
  std::unique_ptr<LoginSide> side;
  try {
    side = std::make_unique<LoginSide>();
    dialogue(*side);
    side->finish();
  } catch (const ConnectionOver& over) {
    if (!side || over.why() != Why::Timeout) return 0;
    try {
      side->write(late);
      side->finish();
    } catch (const ConnectionOver&) {
      return 0;
    }
  }
  return 0;
}

}  // namespace dmail::privsep

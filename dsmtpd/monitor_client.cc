#include "dsmtpd/monitor_client.h"

#include <utility>

#include "base/text.h"
#include "io/connection_over.h"

namespace dmail::dsmtpd {

using privsep::Frame;
using Why = ConnectionOver::Why;

void MonitorClient::send(const Frame& frame) {
  channel_.send(frame, Deadline::in_ms(patience_ms_));
}

Frame MonitorClient::receive() {
  auto frame = channel_.receive(Deadline::in_ms(patience_ms_));
  if (!frame) throw ConnectionOver(Why::ProtocolBroken, "the monitor is gone");
  return std::move(*frame);
}

Reply MonitorClient::receive_reply() {
  auto reply = reply_of(receive());
  if (!reply) throw ConnectionOver(Why::ProtocolBroken, reply.error().log);
  return std::move(*reply);
}

Reply MonitorClient::add_recipient(const Path& path) {
  send(Frame(kAddRecipient, {path.local, path.domain}));
  return receive_reply();
}

void MonitorClient::forget() {
  spool_.reset();
  send(Frame(kForget));
}

Result<int> MonitorClient::open_spool(uint64_t announced) {
  send(Frame(kOpenSpool, {concat(announced)}));
  Frame frame = receive();
  if (frame.type != kSpool || !frame.fd.valid()) {
    auto reply = reply_of(frame);
    if (!reply) throw ConnectionOver(Why::ProtocolBroken, reply.error().log);
    return Error{ErrorKind::NoSpace, reply->lines.front(), ""};
  }
  spool_ = std::move(frame.fd);
  return spool_.get();
}

void MonitorClient::deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) {
  spool_.reset();
  send(Frame(kDeliver, {envelope.helo, envelope.protocol, envelope.sender, envelope.message_id}));
  for (size_t i = 0; i < envelope.recipients; ++i) answer(receive_reply());
}

void MonitorClient::message_refused(const Envelope& envelope, const Reply& reply) {
  if (++notes_ > kMaxNotes) return;
  send(Frame(kMessageRefused, {envelope.protocol, envelope.sender, envelope.message_id,
                               concat(reply.code), reply.lines.front()}));
}

void MonitorClient::ended(const SessionEnd& end) {
  send(Frame(kEnded, {end.reason, end.text.substr(0, kMaxNote), concat(end.octets_in),
                      concat(end.octets_out), concat(end.commands)}));
}

privsep::GateAnswer MonitorClient::ask_gate(const Frame& request) {
  send(request);
  auto given = privsep::gate_answer_of(receive());
  if (!given) throw ConnectionOver(Why::ProtocolBroken, given.error().log);
  return std::move(*given);
}

void MonitorClient::tell_tls(const TlsStream& tls) {
  send(Frame(privsep::kTlsFacts, {tls.version(), tls.cipher(), tls.resumed() ? "1" : "0"}));
}

void MonitorClient::forwarded(const privsep::XClient& xclient) {
  send(privsep::forwarded_frame(kForwarded, xclient));
  if (receive().type != kForwarded)
    throw ConnectionOver(Why::ProtocolBroken, "odd answer over the boundary");
}

void MonitorClient::note(std::string_view event, std::string_view text) {
  if (++notes_ > kMaxNotes) return;
  send(Frame(kNote, {std::string(event), std::string(text.substr(0, kMaxNote))}));
}

void MonitorClient::start_tls() { send(Frame(kStartTls)); }

}  // namespace dmail::dsmtpd

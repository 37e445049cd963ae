// The monitor's requests about recipients and messages.
#include <algorithm>
#include <utility>

#include "base/number.h"
#include "base/text.h"
#include "dsmtpd/limits.h"
#include "dsmtpd/monitor.h"
#include "dsmtpd/remote_delivery.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "privsep/connection.h"

namespace dmail::dsmtpd {
namespace {

using privsep::Frame;

constexpr int kSendMs = 30 * 1000;

[[noreturn]] void broken(const std::string& text) {
  throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, text);
}

}  // namespace

void Monitor::on_add_recipient(Frame& frame) {
  if (recipients_.size() >= static_cast<size_t>(settings_.max_rcpts)) broken("too many recipients");
  const Path path{frame.fields[0], frame.fields[1]};
  const std::string text = path.text();
  if (!is_clean(text) || path.local.size() > kMaxLocalPart || path.domain.size() > kMaxDomain)
    broken("an unclean address");
  // The session says so at MAIL; that it does is not relied on.
  if (service_ == Service::Submission && gate_.login() == nullptr &&
      !privsep::submission_ok(settings_, ends_.client_ip))
    return send(refuse_recipient({answer(530, "5.7.0", "Log in first"), "no login", false}, text));
  const RecipientFinder finder(
      settings_, [this](const account::Name& name) { return gate_.authenticator().lookup(name); },
      passed_on_, ends_.local_ip);
  auto found = finder.find(path.local, path.domain, text);
  if (auto* refused = std::get_if<RecipientRefused>(&found))
    return send(refuse_recipient(std::move(*refused), text));
  // Session's limit, twice: one with TLS may have followed one without.
  if (++asked_ > 4 * settings_.max_rcpts) broken("too many recipients without mail");
  recipients_.push_back(std::move(std::get<Recipient>(found)));
  state_ = HasRecipients;
  send(answer(250, "2.1.5", "Recipient ok"));
}

Reply Monitor::refuse_recipient(RecipientRefused refused, const std::string& address) {
  // A session ends after so many errors, and there may be one more, with TLS: who goes on has taken
  // it over, asks who lives here and fills the log.
  if (++refused_ > 2 * settings_.smtp_max_errors) broken("too many refused recipients");
  std::string_view rule = "none", user;
  if (refused.remote) {
    rule = rule_name(relay().rule);
    user = relay().user;
    refused.reply = relay_reply(relay());
  }
  // A refusal for now is no fault of the sender's or of the address.
  log_.line(refused.reply.code < 500 ? log::Level::Error : log::Level::Info, "recipient-refused",
            {{"to", address},
             {"ip", ends_.client_ip},
             {"code", refused.reply.code},
             {"relay", rule},
             {"relay_user", user},
             {"text", refused.log}});
  return std::move(refused.reply);
}

const RelayDecision& Monitor::relay() {
  if (relay_) return *relay_;
  RelayFacts facts;
  facts.lmtp = service_ == Service::Lmtp;
  if (gate_.login() != nullptr) facts.login = gate_.login()->user;
  facts.client_ip = ends_.client_ip;
  relay_ = relay_decision(settings_, facts,
                          [this] { return gate_.tally().relay_user(ends_.client_ip); });
  return *relay_;
}

void Monitor::on_forget(Frame&) {
  relay_.reset();
  recipients_.clear();
  spool_.reset();
  state_ = Idle;
}

void Monitor::on_open_spool(Frame& request) {
  const auto announced = parse_u64(request.fields[0]);
  if (!announced || *announced > static_cast<uint64_t>(settings_.message_size_limit))
    broken("an odd size of the message");
  auto file = open_spool_file(settings_);
  if (file)
    if (Status room = check_room(settings_, file->get(), *announced); !room)
      file = std::move(room.error());
  if (!file) {
    log_.error("spool-failed", {{"text", file.error().log}});
    return send(answer(452, "4.3.1", "No room for a message now"));
  }
  Frame frame(kSpool);
  // The session writes through the descriptor it gets; what we keep can only read.
  auto readable = reopen_for_reading(file->get());
  if (!readable) {
    log_.error("spool-failed", {{"text", readable.error().log}});
    return send(answer(452, "4.3.1", "No room for a message now"));
  }
  spool_ = std::move(*readable);
  frame.fd = std::move(*file);
  channel_.send(frame, Deadline::in_ms(kSendMs));
  state_ = HasSpool;
}

void Monitor::on_deliver(Frame& frame) {
  Trace trace;
  trace.helo = frame.fields[0];
  trace.protocol = frame.fields[1];
  trace.sender = frame.fields[2];
  if (!is_clean(concat(trace.helo, trace.protocol, trace.sender)) ||
      std::max({trace.helo.size(), trace.protocol.size(), trace.sender.size()}) > kMaxTraceValue)
    broken("an unclean envelope");
  MailFacts mail;
  mail.message_id = frame.fields[3];
  if (!is_clean(mail.message_id) || mail.message_id.size() > kMaxTraceValue)
    broken("an unclean Message-ID");
  if (gate_.login() != nullptr) mail.login = gate_.login()->user;
  mail.client_ip = ends_.client_ip;
  if (auto st = stat_fd(spool_.get())) mail.size = static_cast<uint64_t>(st->st_size);
  trace.client_ip = ends_.client_ip;
  trace.host = gate_.host();
  trace.session_id = log_.session();

  std::vector<std::optional<Reply>> replies(recipients_.size());
  for (size_t i = 0; i < recipients_.size(); ++i) {
    if (!replies[i] && recipients_[i].host) deliver_elsewhere(trace, mail, i, replies);
    if (!replies[i]) replies[i] = deliver_here(trace, mail, i, replies);
    if (replies[i]->code == 250) ++stored_;
    if (replies[i]->code == 250) refused_ = asked_ = 0;
    send(*replies[i]);
  }
  on_forget(frame);
}

// The session has judged the message and told its client.
void Monitor::on_message_refused(Frame& frame) {
  const std::string &protocol = frame.fields[0], &sender = frame.fields[1], &id = frame.fields[2],
                    &text = frame.fields[4];
  const auto code = parse_u32(frame.fields[3], 599);
  if (++notes_ > 2 * kMaxNotes || !code || *code < 400 ||
      !is_clean(concat(protocol, sender, id, text)) ||
      std::max({protocol.size(), sender.size(), id.size(), text.size()}) > kMaxTraceValue)
    broken("odd words about a refused message");
  // 452: no room for it here.
  const bool ours = *code < 500;
  log_.line(ours ? log::Level::Error : log::Level::Info, "message-refused",
            {{"from", sender},
             {"to", all_recipients()},
             {"ip", ends_.client_ip},
             {"protocol", protocol},
             {"login", gate_.login() != nullptr ? std::string_view(gate_.login()->user) : ""},
             {"message_id", id},
             {"code", *code},
             {"text", ours ? concat(settings_.work_path, "/spool: ", text) : text}});
}

std::string Monitor::all_recipients() const {
  std::string out;
  for (const Recipient& r : recipients_) {
    if (out.size() > log::kMaxValue) break;
    out += concat(out.empty() ? "" : " ", r.address);
  }
  return out;
}

Reply Monitor::deliver_here(const Trace& trace, const MailFacts& mail, size_t at,
                            const std::vector<std::optional<Reply>>& replies) {
  // A mailbox named twice gets one copy, and its answer twice.
  for (size_t before = 0; before < at; ++before)
    if (!recipients_[before].host &&
        recipients_[before].account.drop_file == recipients_[at].account.drop_file)
      return *replies[before];
  DeliveryPlan plan;
  plan.mail = &mail;
  plan.spool = spool_.get();
  plan.lmtp = service_ == Service::Lmtp;
  plan.tls = tls_;
  plan.mail_ids = gate_.mail_ids();
  plan.recipient = &recipients_[at];
  plan.trace = trace;
  plan.trace.recipient = recipients_[at].address;
  return deliver(settings_, log_, plan);
}

// All recipients of that host from `first` on, in one connection to it.
void Monitor::deliver_elsewhere(const Trace& trace, const MailFacts& mail, size_t first,
                                std::vector<std::optional<Reply>>& replies) {
  RemoteDelivery delivery;
  delivery.trace = trace;
  delivery.mail = &mail;
  delivery.spool = spool_.get();
  std::vector<size_t> whose(recipients_.size());  // place in the delivery
  for (size_t i = first; i < recipients_.size(); ++i) {
    if (recipients_[i].host != recipients_[first].host) continue;
    auto& all = delivery.recipients;
    const auto same = std::find_if(all.begin(), all.end(), [&](const Recipient* r) {
      return r->target == recipients_[i].target;
    });
    whose[i] = static_cast<size_t>(same - all.begin());
    if (same == all.end()) all.push_back(&recipients_[i]);
  }
  const std::vector<Reply> given = deliver_remote(settings_, log_, ends_, delivery);
  for (size_t i = first; i < recipients_.size(); ++i)
    if (recipients_[i].host == recipients_[first].host) replies[i] = given[whose[i]];
}

}  // namespace dmail::dsmtpd

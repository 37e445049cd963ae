#include "dsmtpd/by_hand.h"

#include <sys/mman.h>

#include <cassert>
#include <cerrno>
#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "io/file.h"

namespace dmail::dsmtpd {
namespace {

Reply reply(int code, std::string enhanced, std::string text) {
  Reply out;
  out.code = code;
  out.enhanced = std::move(enhanced);
  out.lines.push_back(std::move(text));
  return out;
}

}  // namespace

Reply ByHandBackend::add_recipient(const Path& path) {
  if (!path.domain.empty() && !iequals(path.domain, domain_))
    return reply(550, "5.7.1", "Relaying denied");
  if (path.local == "nobody") return reply(550, "5.1.1", "No such user");
  if (path.local == "later") return reply(450, "4.3.0", "The directory cannot answer now");
  recipients_.push_back(path.local);
  return reply(250, "2.1.5", "Recipient ok");
}

Result<int> ByHandBackend::open_spool(uint64_t) {
  spool_.reset(::memfd_create("spool", MFD_CLOEXEC));
  if (!spool_.valid()) return system_error("memfd_create", errno);
  return spool_.get();
}

void ByHandBackend::deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) {
  assert(spool_.valid() && envelope.recipients == recipients_.size());
  last_envelope_ = envelope;
  last_message_.clear();
  if (auto st = stat_fd(spool_.get())) last_message_.resize(static_cast<size_t>(st->st_size));
  auto n = read_at(spool_.get(), last_message_, 0);
  assert(n && *n == last_message_.size());
  spool_.reset();
  ++messages_;
  for (const std::string& name : recipients_) {
    if (name == "full") {
      answer(reply(552, "5.2.2", "<full>: Mailbox full"));
    } else if (name == "busy") {
      answer(reply(451, "4.2.0", "<busy>: Mailbox is in use"));
    } else {
      answer(reply(250, "2.0.0", concat("<", name, ">: Delivered")));
    }
  }
  recipients_.clear();
}

privsep::GateAnswer ByHandBackend::ask_gate(const privsep::Frame& request) {
  using Kind = privsep::GateAnswer::Kind;
  const auto& fields = request.fields;
  bool good = false;
  switch (request.type) {
    case privsep::kAuthenticate:
      good = fields[0] == "user" && fields[1] == "secret";
      break;
    case privsep::kSaslStart:
      if (fields[1] == "0") return {Kind::Challenge, concat("<", domain_, ">"), false};
      good = fields[2] == "user secret";
      break;
    case privsep::kSaslStep:
      good = fields[0] == "user secret";
      break;
    default:
      return {Kind::Cancelled, "", ++refused_ >= privsep::kMaxTries};
  }
  if (good) return {Kind::Accepted, "", false};
  return {Kind::Wrong, "", ++refused_ >= privsep::kMaxTries};
}

}  // namespace dmail::dsmtpd

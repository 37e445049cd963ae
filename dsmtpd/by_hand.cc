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

Result<int> ByHandBackend::open_spool() {
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

Reply ByHandBackend::authenticate(std::string_view user, std::string_view password) {
  if (user == "user" && password == "secret") return reply(235, "2.7.0", "Welcome");
  return reply(535, "5.7.8", "Wrong name or password");
}

}  // namespace dmail::dsmtpd

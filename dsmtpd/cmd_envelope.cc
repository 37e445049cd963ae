// MAIL, RCPT, RSET.  RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.1.5; SIZE of RFC 1870.
#include <utility>

#include "base/text.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/session.h"

namespace dmail::dsmtpd {
namespace {

Outcome refuse(Refused refused) {
  return done(refused.code, refused.enhanced, std::move(refused.text));
}

}  // namespace

Outcome cmd_mail(Session& session, std::string_view argument) {
  auto parsed = parse_mail(argument, !session.mechanisms().empty());
  if (!parsed.value) return refuse(std::move(parsed.refused));
  const uint64_t limit = static_cast<uint64_t>(session.settings().message_size_limit);
  if (parsed.value->size.value_or(0) > limit)
    return done(552, "5.3.4", concat("Message too large; the limit is ", limit, " octets"));
  if (session.facts().service == Service::Submission && !session.may_submit())
    return done(530, "5.7.0", "Log in first");
  // Nothing fails from here on.
  session.state().mail = true;
  session.state().announced = parsed.value->size.value_or(0);
  session.state().sender = std::move(parsed.value->sender);
  return done(250, "2.1.0", "Sender ok");
}

Outcome cmd_rcpt(Session& session, std::string_view argument) {
  auto parsed = parse_rcpt(argument);
  if (!parsed.value) return refuse(std::move(parsed.refused));
  if (session.state().recipients >= static_cast<size_t>(session.settings().max_rcpts))
    return done(452, "4.5.3", "Too many recipients");
  // Each is looked up: whoever sends no mail to them only asks who lives here.
  if (++session.state().asked_recipients > 2 * static_cast<size_t>(session.settings().max_rcpts))
    return closing(421, "4.7.0", "Too many recipients without mail");
  Outcome outcome;
  outcome.reply = session.backend().add_recipient(*parsed.value);
  outcome.logged = true;
  if (outcome.reply.code == 250) ++session.state().recipients;
  return outcome;
}

Outcome cmd_rset(Session& session, std::string_view) {
  session.forget_mail();
  return done(250, "2.0.0", "Forgotten");
}

}  // namespace dmail::dsmtpd

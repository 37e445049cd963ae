// HELO, EHLO, LHLO.  RFC 5321 section 4.1.1.1, RFC 2033 section 4.1.
#include <utility>

#include "base/text.h"
#include "dsmtpd/command_table.h"
#include "dsmtpd/session.h"

namespace dmail::dsmtpd {
namespace {

Outcome refuse_name() { return done(501, "5.5.4", "Give your host name or [address]"); }

}  // namespace

Outcome cmd_helo(Session& session, std::string_view argument) {
  auto name = helo_name(argument);
  if (!name) return refuse_name();
  session.forget_mail();
  session.state().helo = std::move(*name);
  session.state().extended = false;
  return done(250, "", session.facts().host);
}

Outcome cmd_ehlo(Session& session, std::string_view argument) {
  auto name = helo_name(argument);
  if (!name) return refuse_name();
  session.forget_mail();
  session.state().helo = std::move(*name);
  session.state().extended = true;
  Outcome outcome = done(250, "", session.facts().host);
  auto offer = [&](std::string text) { outcome.reply.lines.push_back(std::move(text)); };
  offer("PIPELINING");
  offer(concat("SIZE ", session.settings().message_size_limit));
  offer("8BITMIME");
  if (session.facts().offer_tls && !session.facts().tls) offer("STARTTLS");
  if (const std::string names = session.mechanisms(); !names.empty()) {
    offer(concat("AUTH ", names));
    offer(concat("AUTH=", names));  // what clients from before RFC 2554 look for
  }
  if (session.facts().trusted_peer) offer("XCLIENT ADDR PORT SESSION TTL");
  offer("ENHANCEDSTATUSCODES");
  offer("HELP");
  return outcome;
}

// As Postfix has it: a proxy says for whom it comes, and the session begins anew.  That a
// connection was passed on already may be said by everybody.
Outcome cmd_xclient(Session& session, std::string_view argument) {
  const auto parsed = privsep::parse_xclient(argument);
  if (!parsed) return done(501, "5.5.4", parsed.error().client);
  if (session.state().logged_in) return done(503, "5.5.1", "XCLIENT comes before AUTH");
  if (parsed->says_client() && !session.facts().trusted_peer)
    return done(550, "5.7.1", "You are not trusted with that");
  session.backend().forwarded(*parsed);
  if (!parsed->client.client_ip.empty()) session.set_client(parsed->client.client_ip);
  session.state().helo.clear();
  session.state().extended = false;
  return session.greeting();
}

}  // namespace dmail::dsmtpd

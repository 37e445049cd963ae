#include "tools/dmsasl/exchange.h"

#include <cassert>
#include <utility>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::dmsasl {

using Kind = auth::Answer::Kind;

Outcome Exchange::start() {
  assert(steps_ == 0 && !over_);
  ++steps_;
  const bool has_initial = begin().has_initial;
  if (!has_initial) return settled(first(std::nullopt));
  return settled(first(std::string_view(begin().initial)));
}

Outcome Exchange::step(std::string_view response) {
  assert(steps_ > 0 && !over_);
  if (response.size() > privsep::kMaxSaslMessage) return settled(wrong("response too long"));
  if (success_) {
    if (!response.empty()) return settled(wrong("a response to the final message"));
    return settled(*std::exchange(success_, std::nullopt));
  }
  if (++steps_ > kMaxSteps) return settled(wrong("too many steps"));
  return settled(next(response));
}

// The last word: whatever a mechanism says, nobody is let in without keys that were asked for.
Outcome Exchange::settled(Outcome outcome) {
  if (asked_ && answer_ == Kind::Dead) outcome = temporary("the user's keys cannot be asked for");
  const bool let_in = outcome.kind == Outcome::Kind::Done || success_.has_value();
  if (asked_ && answer_ == Kind::No && let_in) outcome = wrong("no keys");
  over_ = outcome.final();
  if (over_) success_.reset();
  if (over_ && outcome.user.empty()) outcome.user = user_;
  return outcome;
}

const auth::Secrets& Exchange::secrets_of(const std::string& user) {
  if (asked_) return secrets_;
  asked_ = true;
  user_ = user;
  account_ = lower(user);
  if (user.empty() || user.size() > privsep::kMaxExchangeText) return secrets_;
  privsep::SecretAnswer answer = context_.ask(user);
  answer_ = answer.kind;
  if (!answer.account.empty()) account_ = std::move(answer.account);
  Result<auth::Secrets> secrets = auth::secrets_of(answer.labels);
  auth::wipe_labels(answer.labels);
  if (!secrets) answer_ = Kind::Dead;
  if (answer_ == Kind::Ok) secrets_ = std::move(*secrets);
  return secrets_;
}

Outcome Exchange::challenge(std::string bytes) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::Challenge;
  outcome.bytes = std::move(bytes);
  return outcome;
}

Outcome Exchange::wrong(std::string_view text) {
  Outcome outcome;
  outcome.text = text;
  return outcome;
}

Outcome Exchange::unavailable(std::string_view text) {
  Outcome outcome = wrong(text);
  outcome.kind = Outcome::Kind::Unavailable;
  return outcome;
}

Outcome Exchange::temporary(std::string_view text) {
  Outcome outcome = wrong(text);
  outcome.kind = Outcome::Kind::Temporary;
  return outcome;
}

Outcome Exchange::done(std::string user, std::string authorize) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::Done;
  outcome.user = std::move(user);
  outcome.authorize = std::move(authorize);
  return outcome;
}

Outcome Exchange::done_with(std::string bytes, std::string user, std::string authorize) {
  success_ = done(std::move(user), std::move(authorize));
  return challenge(std::move(bytes));
}

}  // namespace dmail::dmsasl

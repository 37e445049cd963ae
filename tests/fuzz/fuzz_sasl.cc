// Each exchange of dmsasl: the first byte names the mechanism and how the user's keys are asked
// for, lines after it are the client's messages (\n stands between them; GSSAPI's may be anything
// else).  Nobody gets in but by the certificate, every dialogue ends, and messages stay in bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/text.h"
#include "tools/dmsasl/mechanisms.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

// Keys of no password, so that no message can be right.
privsep::SecretAnswer answer_of(int how, const std::string& user) {
  privsep::SecretAnswer answer;
  check(user.size() <= privsep::kMaxExchangeText && user.find('\0') == std::string::npos);
  answer.account = user;
  answer.kind = how == 3   ? auth::Answer::Kind::Dead
                : how == 2 ? auth::Answer::Kind::No
                           : auth::Answer::Kind::Ok;
  const auto key = [](size_t size) { return base64_encode(std::string(size, '\x5a')); };
  if (how == 0) {
    answer.labels = {{"scram-sha-1", concat("4096,QUJD,", key(20), ',', key(20))},
                     {"scram-sha-256", concat("4096,QUJD,", key(32), ',', key(32))},
                     {"digest-md5", std::string(32, '7')}};
  } else if (how == 1) {
    answer.labels = {{"password64", base64_encode("a password that is not in the corpus")}};
  }
  return answer;
}

}  // namespace

// What these forget when a message is bad ends with the process, in dmsasl after one exchange.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libkrb5\nleak:libgssapi_krb5\nleak:libgssglue\nleak:libgsasl\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Mechanism& mechanism = mechanisms()[data[0] % mechanisms().size()];
  const int how = data[1] & 3;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);

  privsep::SaslBegin begin;
  begin.service = "imap";
  begin.host = "localhost";
  begin.realm = "example";
  begin.mechanism = mechanism.name;
  begin.decoy_key.assign(privsep::kDecoyKeySize, 'k');
  begin.apop_stamp = "<1@x>";
  begin.plus_offered = (data[1] & 4) != 0;
  begin.tls_exporter = "exporter";
  begin.has_initial = (data[1] & 8) != 0;
  if (begin.has_initial) begin.initial = take_until(rest, '\n').substr(0, privsep::kMaxSaslMessage);
  int asked = 0;
  Context context;
  context.begin = &begin;
  context.ask = [&](const std::string& user) {
    check(++asked == 1);
    return answer_of(how, user);
  };
  context.certificate = [] { return Result<std::string>(std::string("bob")); };

  const std::unique_ptr<Exchange> exchange = mechanism.make(context);
  Outcome outcome = exchange->start();
  int steps = 0;
  while (!outcome.final()) {
    check(outcome.bytes.size() <= privsep::kMaxSaslMessage && ++steps <= kMaxSteps + 1);
    outcome = exchange->step(take_until(rest, '\n'));
  }
  if (outcome.kind == Outcome::Kind::Done)
    check(mechanism.make == make_external && outcome.user == "bob");
  if (asked > 0 && how == 3) check(outcome.kind == Outcome::Kind::Temporary);
  return 0;
}

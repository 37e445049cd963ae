#include "privsep/login_protocol.h"

#include "base/number.h"
#include "base/text.h"

namespace dmail::privsep {

Frame frame_of(const LoginStart& start) {
  auto bit = [](bool b) { return std::string(b ? "1" : "0"); };
  return Frame(kLoginStart,
               {start.service, start.host, bit(start.tls), bit(start.greet), bit(start.tls_offered),
                bit(start.plaintext_ok), concat(start.seconds), start.tls_minimum,
                start.tls_ciphers, start.stamp, start.mechanisms, bit(start.tls_by_name),
                bit(start.trusted_peer), bit(start.referrals)});
}

Result<LoginStart> login_start_of(const Frame& frame) {
  if (frame.type != kLoginStart || frame.fields.size() != 14)
    return Error{ErrorKind::BadInput, "Internal error", "no start frame"};
  LoginStart out;
  out.service = frame.fields[0];
  out.host = frame.fields[1];
  out.tls = frame.fields[2] == "1";
  out.greet = frame.fields[3] == "1";
  out.tls_offered = frame.fields[4] == "1";
  out.plaintext_ok = frame.fields[5] == "1";
  const auto seconds = parse_u32(frame.fields[6], kLoginSeconds);
  if (!seconds) return Error{ErrorKind::BadInput, "Internal error", "bad start frame"};
  out.seconds = static_cast<int>(*seconds);
  out.tls_minimum = frame.fields[7];
  out.tls_ciphers = frame.fields[8];
  out.stamp = frame.fields[9];
  out.mechanisms = frame.fields[10];
  out.tls_by_name = frame.fields[11] == "1";
  out.trusted_peer = frame.fields[12] == "1";
  out.referrals = frame.fields[13] == "1";
  return out;
}

}  // namespace dmail::privsep

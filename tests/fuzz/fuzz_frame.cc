// Frames from a jailed process that an attacker has taken over: decode_frame, and what it makes of
// its own output; the frames of logins, of dmsasl and of dsmtpd, and the session start, use the
// same input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dsmtpd/requests.h"
#include "privsep/frame.h"
#include "privsep/login_protocol.h"
#include "privsep/sasl_protocol.h"
#include "privsep/session_start.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dmail;
  using namespace dmail::privsep;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto frame = decode_frame(bytes)) {
    const auto again = encode_frame(*frame);
    if (!again || *again != bytes) std::abort();
    (void)login_start_of(*frame).ok();
    (void)sasl_begin_of(*frame).ok();
    (void)secret_of(*frame).ok();
    (void)dsmtpd::start_of(*frame).ok();
    (void)dsmtpd::reply_of(*frame).ok();
    if (auto answer = gate_answer_of(*frame))
      if (!gate_answer_of(frame_of(*answer))) std::abort();
  }
  if (auto start = parse_session_start(bytes)) {
    const auto again = parse_session_start(serialise(*start));
    if (!again || again->pending != start->pending || again->user != start->user) std::abort();
  }
  return 0;
}

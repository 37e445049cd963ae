#include "dsmtpd/trace.h"

#include <utility>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::dsmtpd {
namespace {

// Name and place of each value, for both directions.
constexpr std::pair<std::string_view, std::string Trace::*> kValues[] = {
    {"sender", &Trace::sender},      {"recipient", &Trace::recipient},
    {"helo", &Trace::helo},          {"client", &Trace::client_ip},
    {"host", &Trace::host},          {"protocol", &Trace::protocol},
    {"session", &Trace::session_id},
};

Error bad(std::string_view what) {
  return Error{ErrorKind::BadInput, "Internal error", concat("trace: ", what)};
}

}  // namespace

std::string serialise(const Trace& trace) {
  std::string out;
  for (const auto& [name, member] : kValues) out += concat(name, ' ', trace.*member, '\n');
  return out;
}

Result<Trace> parse_trace(std::string_view text) {
  Trace trace;
  while (!text.empty()) {
    std::string_view value = take_until(text, '\n');
    const std::string_view name = take_until(value, ' ');
    if (value.size() > kMaxTraceValue) return bad("a value is too long");
    for (const char c : value)
      if (is_control(c) || is_8bit(c)) return bad("a control byte in a value");
    bool known = false;
    for (const auto& [key, member] : kValues) {
      if (name != key) continue;
      trace.*member = value;
      known = true;
    }
    if (!known) return bad("an unknown value");
  }
  return trace;
}

}  // namespace dmail::dsmtpd

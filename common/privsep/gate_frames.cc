#include "privsep/gate_frames.h"

#include <array>
#include <utility>

namespace dmail::privsep {
namespace {

using Kind = GateAnswer::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 5> kReasons = {{
    {Kind::Wrong, "wrong"},
    {Kind::Temporary, "temporary"},
    {Kind::Unavailable, "unavailable"},
    {Kind::Limit, "limit"},
    {Kind::Cancelled, "cancelled"},
}};

}  // namespace

Frame frame_of(const GateAnswer& answer) {
  if (answer.kind == Kind::Accepted) return Frame(kAccepted);
  if (answer.kind == Kind::Challenge) return {kSaslChallenge, {answer.challenge}};
  for (const auto& [kind, word] : kReasons)
    if (kind == answer.kind) return {kRefused, {std::string(word), answer.last ? "last" : ""}};
  return Frame(kRefused, {"temporary", "last"});
}

Result<GateAnswer> gate_answer_of(const Frame& frame) {
  GateAnswer out;
  const size_t fields = frame.fields.size();
  if (frame.type == kAccepted && fields == 0) {
    out.kind = Kind::Accepted;
    return out;
  }
  if (frame.type == kSaslChallenge && fields == 1) {
    out.kind = Kind::Challenge;
    out.challenge = frame.fields[0];
    return out;
  }
  if (frame.type == kRefused && fields == 2) {
    out.last = frame.fields[1] == "last";
    for (const auto& [kind, word] : kReasons) {
      if (word != frame.fields[0]) continue;
      out.kind = kind;
      return out;
    }
  }
  return Error{ErrorKind::BadInput, "Internal error", "odd answer over the boundary"};
}

}  // namespace dmail::privsep

#include "privsep/gate_frames.h"

#include <catch2/catch.hpp>

namespace dmail::privsep {

TEST_CASE("gate frames: every answer comes through as it was, with its end of tries") {
  using Kind = GateAnswer::Kind;
  for (const Kind kind :
       {Kind::Wrong, Kind::Temporary, Kind::Unavailable, Kind::Limit, Kind::Cancelled}) {
    for (const bool last : {false, true}) {
      const auto back = gate_answer_of(frame_of(GateAnswer{kind, "", last}));
      REQUIRE(back);
      CHECK(back->kind == kind);
      CHECK(back->last == last);
    }
  }
  CHECK(gate_answer_of(frame_of(GateAnswer{Kind::Accepted, "", false}))->kind == Kind::Accepted);
  const auto challenge = gate_answer_of(frame_of(GateAnswer{Kind::Challenge, "<1@h>", false}));
  REQUIRE(challenge);
  CHECK(challenge->challenge == "<1@h>");
}

TEST_CASE("gate frames: anything else is an error") {
  CHECK_FALSE(gate_answer_of(Frame(kRefused, {"right", ""})));
  CHECK_FALSE(gate_answer_of(Frame(kRefused, {"wrong"})));
  CHECK_FALSE(gate_answer_of(Frame(kAccepted, {"x"})));
  CHECK_FALSE(gate_answer_of(Frame(kAuthenticate, {"", "", ""})));
}

}  // namespace dmail::privsep

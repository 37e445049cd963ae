// The client's side of an exchange, with a monitor that answers from a script.
#include "privsep/sasl_dialogue.h"

#include <catch2/catch.hpp>
#include <deque>
#include <vector>

#include "base/base64.h"
#include "privsep/sasl_protocol.h"

namespace dmail::privsep {
namespace {

using namespace std::string_view_literals;
using Kind = SaslOutcome::Kind;
using Answer = GateAnswer::Kind;

struct Script : SaslTalk {
  std::deque<GateAnswer> answers;
  std::deque<std::string> lines;
  std::vector<Frame> asked;
  std::vector<std::string> challenges;

  GateAnswer ask(const Frame& request) override {
    asked.emplace_back(request.type, request.fields);
    REQUIRE_FALSE(answers.empty());
    GateAnswer answer = answers.front();
    answers.pop_front();
    return answer;
  }
  std::optional<std::string> response(const std::string& challenge) override {
    challenges.push_back(challenge);
    if (lines.empty()) return std::nullopt;
    std::string line = lines.front();
    lines.pop_front();
    return line;
  }
};

constexpr std::string_view kAll = "PLAIN LOGIN OAUTHBEARER XOAUTH2 CRAM-MD5 SCRAM-SHA-256 APOP";

SaslOutcome run(Script& script, std::string_view mechanism,
                std::optional<std::string> initial = std::nullopt) {
  SaslRequest request;
  request.offered = kAll;
  request.mechanism = mechanism;
  request.initial = std::move(initial);
  return run_sasl(script, std::move(request));
}

std::vector<std::string> fields_of(const Script& script, size_t i) {
  return script.asked.at(i).fields;
}

}  // namespace

TEST_CASE("a mechanism that is not offered is no question to the monitor") {
  Script script;
  CHECK(run(script, "GSSAPI").kind == Kind::NotOffered);
  CHECK(run(script, "APOP", "YWJj").kind == Kind::NotOffered);
  CHECK(run(script, "").kind == Kind::NotOffered);
  SaslRequest request;
  request.mechanism = "plain";
  request.may_send_secret = false;
  CHECK(run_sasl(script, std::move(request)).kind == Kind::NeedsTls);
  CHECK(script.asked.empty());
}

TEST_CASE("clear secrets are taken apart, and named by their method") {
  Script script;
  script.answers = {{Answer::Accepted, "", false}, {Answer::Wrong, "", true}};
  CHECK(run(script, "plain", base64_encode("\0joe\0pw"sv)).kind == Kind::Accepted);
  CHECK(fields_of(script, 0) == std::vector<std::string>{"joe", "pw", "PLAIN"});
  script.lines = {base64_encode("joe"), base64_encode("pw")};
  const SaslOutcome wrong = run(script, "LOGIN");
  CHECK(wrong.kind == Kind::Wrong);
  CHECK(wrong.last);
  CHECK(script.challenges ==
        std::vector<std::string>{base64_encode("Username:"), base64_encode("Password:")});
  CHECK(fields_of(script, 1) == std::vector<std::string>{"joe", "pw", "LOGIN"});
}

TEST_CASE("`*` and bad base64 before the monitor was asked cost nothing there") {
  Script script;
  script.lines = {"*", "!!", base64_encode("joe"), "*"};
  CHECK(run(script, "PLAIN").kind == Kind::Cancelled);
  CHECK(run(script, "PLAIN").kind == Kind::BadMessage);
  CHECK(run(script, "LOGIN").kind == Kind::Cancelled);
  CHECK(run(script, "PLAIN").kind == Kind::Over);
  CHECK(run(script, "PLAIN", base64_encode("root\0joe\0pw"sv)).kind == Kind::OtherUser);
  CHECK(script.asked.empty());
}

TEST_CASE("an exchange: bytes through, base64 outside, success with data") {
  Script script;
  script.answers = {{Answer::Challenge, "one", false},
                    {Answer::Challenge, "v=x", false},
                    {Answer::Accepted, "", false}};
  script.lines = {base64_encode("two\0"sv), ""};
  CHECK(run(script, "scram-sha-256", base64_encode("n,,n=joe")).kind == Kind::Accepted);
  CHECK(fields_of(script, 0) ==
        std::vector<std::string>{"SCRAM-SHA-256", "1", "n,,n=joe", "", "", ""});
  CHECK(script.asked[1].type == kSaslStep);
  CHECK(fields_of(script, 1) == std::vector<std::string>{std::string("two\0"sv)});
  CHECK(fields_of(script, 2) == std::vector<std::string>{""});
  CHECK(script.challenges == std::vector<std::string>{base64_encode("one"), base64_encode("v=x")});
}

TEST_CASE("an exchange that the client ends is ended at the monitor, too") {
  const std::string big = base64_encode(std::string(kMaxSaslMessage + 1, 'x'));
  for (const std::string& line : {std::string("*"), std::string("!"), big}) {
    Script script;
    script.answers = {{Answer::Challenge, "c", false}, {Answer::Cancelled, "", true}};
    script.lines = {line};
    const SaslOutcome end = run(script, "CRAM-MD5");
    CHECK(end.kind == (line == "*" ? Kind::Cancelled : Kind::BadMessage));
    CHECK(end.last);
    CHECK(script.asked.at(1).type == kSaslCancel);
  }
  Script gone;
  gone.answers = {{Answer::Challenge, "c", false}, {Answer::Cancelled, "", false}};
  CHECK(run(gone, "CRAM-MD5").kind == Kind::Over);
  CHECK(gone.asked.at(1).type == kSaslCancel);
}

TEST_CASE("an initial response: empty is not absent, and the server may have to be first") {
  Script script;
  script.answers = {{Answer::Wrong, "", false}, {Answer::Wrong, "", false}};
  run(script, "SCRAM-SHA-256", "=");
  CHECK(fields_of(script, 0)[1] == "1");
  run(script, "SCRAM-SHA-256");
  CHECK(fields_of(script, 1)[1] == "0");
  CHECK(run(script, "CRAM-MD5", "=").kind == Kind::BadMessage);
  CHECK(run(script, "SCRAM-SHA-256", "A").kind == Kind::BadMessage);
  CHECK(script.asked.size() == 2);
}

TEST_CASE("a refused token: the reason as JSON, the client's word, then the failure") {
  const std::string bearer = base64_encode("n,a=joe,\1auth=Bearer abc\1\1"sv);
  for (const char* line : {"AQ==", "*", "!"}) {
    Script script;
    script.answers = {{Answer::Wrong, "", false}};
    script.lines = {line};
    CHECK(run(script, "OAUTHBEARER", bearer).kind == Kind::Wrong);
    CHECK(base64_decode(script.challenges.at(0))->find("invalid_token") != std::string::npos);
    CHECK(fields_of(script, 0) == std::vector<std::string>{"joe", "abc", "OAUTHBEARER"});
  }
  Script good;
  good.answers = {{Answer::Accepted, "", false}, {Answer::Temporary, "", false}};
  CHECK(run(good, "XOAUTH2", base64_encode("user=joe\1auth=Bearer abc\1\1"sv)).kind ==
        Kind::Accepted);
  CHECK(run(good, "OAUTHBEARER", bearer).kind == Kind::Temporary);
  CHECK(good.challenges.empty());
}

TEST_CASE("APOP is one message") {
  Script script;
  script.answers = {{Answer::Accepted, "", false},
                    {Answer::Challenge, "?", false},
                    {Answer::Cancelled, "", false}};
  CHECK(ask_apop(script, "joe", "0123").kind == Kind::Accepted);
  CHECK(fields_of(script, 0) == std::vector<std::string>{"APOP", "1", "joe 0123", "", "", ""});
  CHECK(ask_apop(script, "joe", "0123").kind == Kind::Temporary);
}

TEST_CASE("answers of the gate survive their frames") {
  for (const GateAnswer& answer :
       {GateAnswer{Answer::Accepted, "", false}, GateAnswer{Answer::Wrong, "", true},
        GateAnswer{Answer::Temporary, "", false}, GateAnswer{Answer::Unavailable, "", false},
        GateAnswer{Answer::Cancelled, "", true}, GateAnswer{Answer::Challenge, "x", false}}) {
    auto back = gate_answer_of(frame_of(answer));
    REQUIRE(back.ok());
    CHECK(back->kind == answer.kind);
    CHECK(back->challenge == answer.challenge);
    CHECK(back->last == answer.last);
  }
  CHECK_FALSE(gate_answer_of(Frame(kRefused, {"because", ""})).ok());
  CHECK_FALSE(gate_answer_of(Frame(kAccepted, {"x"})).ok());
  CHECK_FALSE(gate_answer_of(Frame(kSaslStart)).ok());
}

}  // namespace dmail::privsep

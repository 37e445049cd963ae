#include "tools/proxy/lmtp_send.h"

#include "tests/unit/proxy/scripted.h"

namespace dmail::proxy {
namespace {

struct Sending {
  explicit Sending(std::vector<Scripted::Turn> turns, std::vector<std::string> to)
      : talk(std::move(turns)), recipients(std::move(to)) {
    job.protocol = privsep::RemoteProtocol::Lmtp;
    job.our_name = "front";
    job.client_ip = "2001:db8::9";
    job.sender = "x@y.example";
    message.size = text.size();
    message.trace = "Received: x\r\n";
    message.read = [this](std::span<char> into) {
      const size_t n = std::min(into.size(), text.size() - at);
      std::copy_n(text.begin() + static_cast<long>(at), n, into.begin());
      at += n;
      return Result<size_t>(n);
    };
  }
  void run() {
    job.recipients = recipients.size();
    why = lmtp_send(talk.backend, job, recipients, message,
                    [this](const LmtpReply& r) { replies.push_back(r); });
  }
  Talk talk;
  privsep::RemoteJob job;
  std::vector<std::string> recipients;
  LmtpMessage message;
  std::string text = "Subject: x\r\n\r\n.hidden\r\nlast\r\n";
  size_t at = 0;
  std::vector<LmtpReply> replies;
  std::string why;
};

constexpr const char* kMessage = "Received: x\r\nSubject: x\r\n\r\n..hidden\r\nlast\r\n.\r\n";

}  // namespace

TEST_CASE("lmtp: an answer for each recipient") {
  Sending s({{"", "220 back\r\n"},
             {"LHLO front\r\n", "250-back\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"},
             {"XCLIENT TTL=1\r\n", "500 what\r\n"},
             {"MAIL FROM:<x@y.example> SIZE=42 BODY=8BITMIME\r\n", "250 2.1.0 ok\r\n"},
             {"RCPT TO:<a@b>\r\nRCPT TO:<c@b>\r\nRCPT TO:<d@b>\r\n",
              "250 2.1.5 ok\r\n550 5.1.1 no such user\r\n250 ok\r\n"},
             {"DATA\r\n", "354 go\r\n"},
             {kMessage, "250 2.0.0 <a@b> stored\r\n452 4.2.2 full\r\n"}},
            {"a@b", "c@b", "d@b"});
  s.run();
  INFO(s.talk.stream.wrong << s.why);
  REQUIRE(s.replies.size() == 3);
  CHECK(s.replies[0] == LmtpReply{250, "2.0.0", "<a@b> stored"});
  CHECK(s.replies[1] == LmtpReply{550, "5.1.1", "no such user"});
  CHECK(s.replies[2] == LmtpReply{452, "4.2.2", "full"});
  CHECK(s.why.empty());
}

TEST_CASE("lmtp: for whom we come, where the server takes it") {
  Sending s({{"", "220 back\r\n"},
             {"LHLO front\r\n", "250-back\r\n250 XCLIENT ADDR PORT TTL\r\n"},
             {"XCLIENT ADDR=IPV6:2001:db8::9 TTL=1\r\n", "220 back\r\n"},
             {"LHLO front\r\n", "250 back\r\n"},
             {"MAIL FROM:<x@y.example>\r\n", "250 ok\r\n"},
             {"RCPT TO:<a@b>\r\n", "550 5.4.6 loop\r\n"}},
            {"a@b"});
  s.run();
  INFO(s.talk.stream.wrong);
  REQUIRE(s.replies.size() == 1);
  CHECK(s.replies[0] == LmtpReply{550, "5.4.6", "loop"});
}

TEST_CASE("lmtp: a connection that breaks is a temporary failure, answers that were given stand") {
  Sending s({{"", "220 back\r\n"},
             {"LHLO front\r\n", "250 back\r\n"},
             {"XCLIENT TTL=1\r\n", "220 back\r\n"},
             {"LHLO front\r\n", "250 back\r\n"},
             {"MAIL FROM:<x@y.example>\r\n", "250 ok\r\n"},
             {"RCPT TO:<a@b>\r\n", "250 ok\r\n"},
             {"RCPT TO:<c@b>\r\n", "250 ok\r\n"},
             {"DATA\r\n", "354 go\r\n"},
             {kMessage, "250 2.0.0 stored\r\n"}},
            {"a@b", "c@b"});
  s.run();
  REQUIRE(s.replies.size() == 2);
  CHECK(s.replies[0].code == 250);
  CHECK(s.replies[1].code == 451);
  CHECK(!s.why.empty());
}

TEST_CASE("lmtp: odd answers are no success") {
  const std::vector<Scripted::Turn> start = {{"", "220 back\r\n"},
                                             {"LHLO front\r\n", "250 back\r\n"},
                                             {"XCLIENT TTL=1\r\n", "500 what\r\n"}};
  auto with = [&](std::vector<Scripted::Turn> more) {
    auto all = start;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<std::vector<Scripted::Turn>> cases = {
      {{"", "500 no\r\n"}},
      {{"", "220 back\r\n"}, {"LHLO front\r\n", "500 what\r\n"}},
      with({{"MAIL FROM:<x@y.example>\r\n", "350 hm\r\n"}}),
      with({{"MAIL FROM:<x@y.example>\r\n", "100 hm\r\n"}}),
      with({{"MAIL FROM:<x@y.example>\r\n", "250-a\r\n550 b\r\n"}}),
      with({{"MAIL FROM:<x@y.example>\r\n", "250 ok\r\n"}, {"RCPT TO:<a@b>\r\n", "354 go\r\n"}}),
      with({{"MAIL FROM:<x@y.example>\r\n", "250 ok\r\n"},
            {"RCPT TO:<a@b>\r\n", "250 ok\r\n"},
            {"DATA\r\n", "250 done already\r\n"}}),
  };
  for (const auto& turns : cases) {
    Sending s(turns, {"a@b"});
    s.run();
    REQUIRE(s.replies.size() == 1);
    CHECK(s.replies[0].code / 100 == 4);
  }
}

TEST_CASE("lmtp: an address that could be another command goes nowhere") {
  Sending s({{"", "220 back\r\n"},
             {"LHLO front\r\n", "250 back\r\n"},
             {"XCLIENT TTL=1\r\n", "500 what\r\n"},
             {"MAIL FROM:<x@y.example>\r\n", "250 ok\r\n"}},
            {"a@b>\r\nDATA"});
  s.run();
  REQUIRE(s.replies.size() == 1);
  CHECK(s.replies[0].code == 550);
}

TEST_CASE("lmtp: what may stand between angle brackets") {
  for (const char* good : {"", "a@b.example", "\"a b\"@b.example", "\"a\\\" b\"@b.example",
                           "a=b@b.example", "\"a\\\\\"@b"})
    CHECK(is_plain_path(good));
  for (const char* bad :
       {"a b@c", "a@b>", "<a@b", "a@b\r\nDATA", "\"a b@c", "\"a\\", "\"a\" SIZE=1", "\"a>\"@b",
        "\"a\\>\"@b", "\"a\\\r\"@b", "caf\xc3\xa9@b", "\"a\\\" b@c"})
    CHECK_FALSE(is_plain_path(bad));
}

TEST_CASE("lmtp: a sender whose name has blanks stays the sender") {
  Sending s({{"", "220 back\r\n"},
             {"LHLO front\r\n", "250 back\r\n"},
             {"XCLIENT TTL=1\r\n", "500 what\r\n"},
             {"MAIL FROM:<\"x y\"@z.example>\r\n", "550 5.1.7 no\r\n"}},
            {"a@b"});
  s.job.sender = "\"x y\"@z.example";
  s.run();
  INFO(s.talk.stream.wrong);
  REQUIRE(s.replies.size() == 1);
  CHECK(s.replies[0] == LmtpReply{550, "5.1.7", "no"});
}

TEST_CASE("dot-stuffing over pieces") {
  for (size_t cut = 0; cut < 12; ++cut) {
    const std::string text = ".a\r\n..\r\nb.\r\n.";
    DotStuffer stuffer;
    std::string out;
    stuffer.add(std::string_view(text).substr(0, cut), out);
    stuffer.add(std::string_view(text).substr(cut), out);
    stuffer.end(out);
    CHECK(out == "..a\r\n...\r\nb.\r\n..\r\n.\r\n");
  }
  for (const auto& [text, sent] : {std::pair{"", ".\r\n"},
                                   {"a\n.\nMAIL FROM:<x>", "a\n..\nMAIL FROM:<x>\r\n.\r\n"},
                                   {"a\r.\r", "a\r..\r\r\n.\r\n"},
                                   {"a\n.\r\nb\r\n", "a\n..\r\nb\r\n.\r\n"},
                                   {"a\n", "a\n\r\n.\r\n"}}) {
    DotStuffer stuffer;
    std::string out;
    stuffer.add(text, out);
    stuffer.end(out);
    CHECK(out == sent);
  }
}

}  // namespace dmail::proxy

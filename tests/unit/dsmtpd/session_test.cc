// The dialogue over a pipe of strings, with ByHandBackend in place of the monitor.
#include "dsmtpd/session.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "base/base64.h"
#include "base/text.h"
#include "dsmtpd/by_hand.h"
#include "dsmtpd/limits.h"
#include "io/connection_over.h"

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {

// Gives its input in pieces of `piece` bytes.
class StringStream : public Stream {
 public:
  StringStream(std::string input, size_t piece) : input_(std::move(input)), piece_(piece) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min({into.size(), piece_, input_.size() - at_});
    std::memcpy(into.data(), input_.data() + at_, n);
    at_ += n;
    return n;
  }
  void write(std::string_view bytes, Deadline) override { output.append(bytes); }
  [[nodiscard]] int read_fd() const override { return -1; }
  std::string output;

 private:
  std::string input_;
  size_t piece_;
  size_t at_ = 0;
};

struct Talk {
  SessionFacts facts{Service::Smtp, "host.example", "192.0.2.7", false, false, true};
  conf::Settings settings;
  ByHandBackend backend{"host.example"};
  size_t piece = 1 << 16;

  std::string operator()(const std::string& input) {
    StringStream stream(input, piece);
    LineReader in(stream);
    BufferedWriter buffer(stream, 1000);
    ReplyWriter out(buffer);
    Session session(facts, settings, in, out, backend);
    try {
      session.run();
      session.out().flush();
    } catch (const ConnectionOver&) {
      session.out().flush();
      return stream.output + "over";
    }
    return stream.output;
  }
};

// The codes of all final reply lines, "250 250 221".
std::string codes(const std::string& output) {
  std::string out;
  for (const std::string_view line : split(output, '\n'))
    if (line.size() > 3 && line[3] == ' ') out += concat(out.empty() ? "" : " ", line.substr(0, 3));
  return out;
}

const std::string kStart = "EHLO client.example\r\nMAIL FROM:<s@x.example>\r\n";
const std::string kReady = kStart + "RCPT TO:<bob@host.example>\r\n";

}  // namespace

TEST_CASE("a message") {
  Talk talk;
  const std::string out = talk(kReady + "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
  CHECK(codes(out) == "250 250 250 354 250 221");
  CHECK(talk.backend.last_message() == "Subject: x\r\n\r\n.dot\r\n");
  CHECK(talk.backend.last_envelope().sender == "s@x.example");
  CHECK(talk.backend.last_envelope().helo == "client.example");
  CHECK(talk.backend.last_envelope().protocol == "ESMTP");
  CHECK(out.find("250 2.1.0 ") != std::string::npos);
}

TEST_CASE("the dialogue is the same however the bytes are cut") {
  const std::string input =
      kReady + "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nNOOP\r\nFOO\r\nQUIT\r\n";
  const std::string expected = Talk()(input);
  for (const size_t piece : {1u, 2u, 3u, 7u, 64u}) {
    Talk talk;
    talk.piece = piece;
    CHECK(talk(input) == expected);
  }
}

TEST_CASE("EHLO names what there is") {
  Talk talk;
  talk.settings.message_size_limit = 5000;
  std::string out = talk("EHLO c\r\n");
  for (const char* line : {"250-PIPELINING\r\n", "250-SIZE 5000\r\n", "250-8BITMIME\r\n",
                           "250-ENHANCEDSTATUSCODES\r\n"})
    CHECK(out.find(line) != std::string::npos);
  CHECK(out.find("STARTTLS") == std::string::npos);
  CHECK(out.find("AUTH") == std::string::npos);  // in the clear from a stranger's address
  talk.facts.offer_tls = true;
  CHECK(talk("EHLO c\r\n").find("250-STARTTLS") != std::string::npos);
  talk.facts.tls = true;
  out = talk("EHLO c\r\n");
  CHECK(out.find("STARTTLS") == std::string::npos);
  CHECK(out.find("250-AUTH PLAIN LOGIN") != std::string::npos);
  CHECK(codes(talk("HELO c\r\nLHLO c\r\nEHLO \r\nEHLO a b\r\n")) == "250 500 501 501");
}

TEST_CASE("order of commands") {
  Talk talk;
  CHECK(codes(talk("MAIL FROM:<a@b>\r\n")) == "503");
  CHECK(codes(talk("EHLO c\r\nRCPT TO:<bob@host.example>\r\nDATA\r\n")) == "250 503 503");
  CHECK(codes(talk(kStart + "DATA\r\n")) == "250 250 554");
  CHECK(codes(talk(kStart + "MAIL FROM:<a@b>\r\n")) == "250 250 503");
  CHECK(codes(talk(kReady + "RSET\r\nDATA\r\nRCPT TO:<bob@host.example>\r\n")) ==
        "250 250 250 250 503 503");
  CHECK(codes(talk(kReady + "EHLO c\r\nDATA\r\n")) == "250 250 250 250 503");
  CHECK(codes(talk(kReady + "DATA\r\n.\r\nDATA\r\nRCPT TO:<bob@host.example>\r\n")) ==
        "250 250 250 354 250 503 503");
  CHECK(talk.backend.recipients().empty());
}

TEST_CASE("recipients") {
  Talk talk;
  CHECK(codes(talk(kStart + "RCPT TO:<nobody@host.example>\r\nRCPT TO:<later@host.example>\r\n"
                            "RCPT TO:<x@elsewhere.example>\r\nRCPT TO:<Postmaster>\r\n")) ==
        "250 250 550 450 550 250");
  talk.settings.max_rcpts = 100;
  std::string input = kStart;
  for (int i = 0; i < 101; ++i) input += "RCPT TO:<ok@host.example>\r\n";
  const std::string out = codes(talk(input));
  CHECK(out.ends_with(" 250 452"));
  CHECK(out.size() == 4 * 103 - 1);
}

TEST_CASE("one answer for several recipients says 250 only when all have it") {
  const std::string two = "RCPT TO:<full@host.example>\r\nDATA\r\n.\r\n";
  CHECK(codes(Talk()(kReady + two)).ends_with("354 552"));
  CHECK(codes(Talk()(kReady + "RCPT TO:<busy@host.example>\r\n" + two)).ends_with("354 451"));
}

TEST_CASE("LMTP answers for each recipient") {
  Talk talk;
  talk.facts.service = Service::Lmtp;
  const std::string start =
      "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@host.example>\r\n"
      "RCPT TO:<full@host.example>\r\nRCPT TO:<busy@host.example>\r\nDATA\r\n";
  CHECK(codes(talk(start + "x\r\n.\r\nQUIT\r\n")) == "250 250 250 250 250 354 250 552 451 221");
  CHECK(talk.backend.last_envelope().protocol == "LMTP");
  talk.settings.message_size_limit = 1024;
  CHECK(codes(talk(start + std::string(1030, 'x') + "\r\n.\r\nQUIT\r\n")) ==
        "250 250 250 250 250 354 552 552 552 221");
  CHECK(codes(talk("LHLO c\r\nMAIL FROM:<>\r\nDATA\r\nEHLO c\r\nAUTH PLAIN x\r\n")) ==
        "250 250 503 500 500");
}

TEST_CASE("S01: a message with a bare CR or LF is refused whole, and the connection ends") {
  for (const std::string end : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r\n.\r\r\n"}) {
    for (const size_t piece : {1u, 2u, 5u, 4096u}) {
      Talk talk;
      talk.piece = piece;
      const std::string out = talk(kReady + "DATA\r\nx" + end +
                                   "MAIL FROM:<admin@x.example>\r\nRCPT TO:<bob@host.example>\r\n"
                                   "DATA\r\nsmuggled\r\n.\r\nNOOP\r\n");
      CHECK(codes(out) == "250 250 250 354 550");
      CHECK(out.find("550 5.6.11 ") != std::string::npos);
      CHECK(talk.backend.messages() == 0);
    }
  }
}

TEST_CASE("sizes: announced, and real") {
  Talk talk;
  talk.settings.message_size_limit = 2000;
  CHECK(codes(talk("EHLO c\r\nMAIL FROM:<a@b> SIZE=2001\r\nMAIL FROM:<a@b> SIZE=2000\r\n")) ==
        "250 552 250");
  const std::string out = talk(kReady + "DATA\r\n" + std::string(1999, 'x') + "\r\n.\r\nNOOP\r\n");
  CHECK(codes(out) == "250 250 250 354 552 250");
  CHECK(out.find("552 5.3.4 ") != std::string::npos);
  CHECK(talk.backend.messages() == 0);
  CHECK(codes(talk(kReady + "DATA\r\n" + std::string(1998, 'x') + "\r\n.\r\n")).ends_with("250"));
}

TEST_CASE("a message without end is cut off after kMaxDiscard") {
  Talk talk;
  talk.settings.message_size_limit = 1024;
  const std::string out = talk(kReady + "DATA\r\n" + std::string(kMaxDiscard + 70000, 'x'));
  CHECK(codes(out) == "250 250 250 354 552");
}

TEST_CASE("S27: loops are noticed") {
  std::string hops;
  for (size_t i = 0; i < kMaxHops; ++i) hops += "Received: from a by b\r\n";
  CHECK(codes(Talk()(kReady + "DATA\r\n" + hops + "\r\n.\r\n")).ends_with("354 250"));
  const std::string out = Talk()(kReady + "DATA\r\n" + hops + "Received: once more\r\n\r\n.\r\n");
  CHECK(out.find("554 5.4.6 ") != std::string::npos);
}

TEST_CASE("lines of commands have a limit and end in CR LF") {
  Talk talk;
  CHECK(codes(talk("NOOP " + std::string(kMaxCommandLine - 5, 'x') + "\r\nNOOP\r\n")) == "250 250");
  CHECK(codes(talk("NOOP " + std::string(kMaxCommandLine - 4, 'x') + "\r\nNOOP\r\n")) == "500 250");
  CHECK(codes(talk("EHLO " + std::string(65536, 'x') + "\r\nNOOP\r\n")) == "500 250");
  CHECK(codes(talk("NOOP\nNOOP\r\n")) == "500 250");
  CHECK(codes(talk(std::string("NO\0OP\r\nNO\rOP\r\nNOOP\r\n", 20))) == "500 500 250");
  CHECK(codes(talk("NOOP \"\r\n\r\nFOO\r\n:\r\nHELP\r\nVRFY \xc3\xbc@x\r\nQUIT now\r\n")) ==
        "250 500 500 500 214 252 501");
}

TEST_CASE("S09, S10: what is refused leaves no half transaction") {
  CHECK(codes(Talk()(kReady + "VRFY \xc3\xbc@x\r\nDATA\r\nx\r\n.\r\n")).ends_with("252 354 250"));
  Talk talk;
  talk.settings.message_size_limit = 1024;
  CHECK(codes(talk(kReady + "DATA\r\n" + std::string(2000, 'x') +
                   "\r\n.\r\nRCPT TO:<bob@host.example>\r\nDATA\r\n"))
            .ends_with("552 503 503"));
}

TEST_CASE("too many errors, and too much that is no mail, end the connection") {
  Talk talk;
  talk.settings.smtp_max_errors = 3;
  CHECK(codes(talk("FOO\r\nFOO\r\nFOO\r\nFOO\r\n")) == "500 500 500 421");
  std::string noops;
  for (size_t i = 0; i < kMaxIdleCommands + 5; ++i) noops += "NOOP\r\n";
  const std::string out = codes(talk(noops));
  CHECK(out.ends_with("250 421"));
  CHECK(out.size() == 4 * (kMaxIdleCommands + 1) - 1);
}

TEST_CASE("S26: a web client is sent away at once") {
  for (const char* verb :
       {"GET / HTTP/1.1", "POST /x HTTP/1.0", "PRI * HTTP/2.0", "CONNECT a:25 HTTP/1.1"})
    CHECK(codes(Talk()(concat(verb, "\r\nHost: x\r\n\r\n") + kReady)) == "554");
}

TEST_CASE("S03: bytes behind STARTTLS end the connection") {
  Talk talk;
  talk.facts.offer_tls = true;
  CHECK(codes(talk("EHLO c\r\nSTARTTLS\r\nRSET\r\n")) == "250 501");
  CHECK(codes(talk("EHLO c\r\nSTARTTLS\r\n")) == "250 220");
  CHECK(codes(talk("STARTTLS x\r\n")) == "501");
  talk.facts.tls = true;
  CHECK(codes(talk("EHLO c\r\nSTARTTLS\r\n")) == "250 503");
  talk.facts = SessionFacts{Service::Smtp, "h", "192.0.2.7", false, false, true};
  CHECK(codes(talk("EHLO c\r\nSTARTTLS\r\n")) == "250 502");
}

TEST_CASE("AUTH") {
  Talk talk;
  const std::string plain = base64_encode(std::string("\0user\0secret", 12));
  const std::string wrong = base64_encode(std::string("\0user\0wrong", 11));
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + plain + "\r\n")) == "250 538");  // in the clear
  talk.facts.tls = true;
  CHECK(codes(talk("AUTH PLAIN " + plain + "\r\n")) == "503");
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + plain + "\r\nAUTH PLAIN " + plain + "\r\n")) ==
        "250 235 503");
  CHECK(codes(talk("EHLO c\r\nAUTH plain\r\n" + plain + "\r\nMAIL FROM:<a@b> AUTH=<>\r\n")) ==
        "250 334 235 250");
  CHECK(codes(talk("EHLO c\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN " + plain + "\r\nRSET\r\nAUTH PLAIN " +
                   plain + "\r\n")) == "250 250 503 250 235");
  CHECK(codes(talk("EHLO c\r\nAUTH LOGIN\r\n" + base64_encode("user") + "\r\n" +
                   base64_encode("secret") + "\r\n")) == "250 334 334 235");
  CHECK(codes(talk("EHLO c\r\nAUTH LOGIN " + base64_encode("user") + "\r\n*\r\nNOOP\r\n")) ==
        "250 334 501 250");
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN !!!!\r\nAUTH PLAIN\r\n\r\nAUTH PLAIN =\r\nAUTH X\r\n")) ==
        "250 501 334 501 501 504");
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + wrong + "\r\nAUTH PLAIN " + plain + "\r\n")) ==
        "250 535 235");
  talk.backend = ByHandBackend("host.example");
  CHECK(codes(talk("EHLO c\r\n" + concat("AUTH PLAIN ", wrong, "\r\n") +
                   concat("AUTH PLAIN ", wrong, "\r\n") +
                   concat("AUTH PLAIN ", wrong, "\r\nNOOP\r\n"))) == "250 535 535 535");
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN\r\n" + std::string(kMaxAuthLine + 1, 'A') +
                   "\r\nNOOP\r\n")) == "250 334 500 250");
  CHECK(talk("EHLO c\r\nAUTH PLAIN\r\n").ends_with("over"));
}

TEST_CASE("AUTH: who has logged in does not become another client") {
  Talk talk;
  talk.facts.tls = true;
  const std::string plain = base64_encode(std::string("\0user\0secret", 12));
  CHECK(codes(talk("EHLO c\r\nXCLIENT TTL=1\r\nEHLO c\r\nAUTH PLAIN " + plain +
                   "\r\nXCLIENT TTL=1\r\nMAIL FROM:<a@b>\r\n")) == "250 220 250 235 503 250");
}

TEST_CASE("AUTH: what the settings name is offered, in both forms, and nothing else is taken") {
  Talk talk;
  talk.settings.dsmtp_mechanisms = {"scram-sha-256-plus, Cram-MD5",
                                    "plain cram-md5 external apop x"};
  std::string out = talk("EHLO c\r\n");
  CHECK(out.find("250-AUTH CRAM-MD5\r\n250-AUTH=CRAM-MD5\r\n") != std::string::npos);
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN\r\nAUTH LOGIN\r\nAUTH SCRAM-SHA-256-PLUS\r\n")) ==
        "250 538 538 504");
  talk.facts.tls = true;
  out = talk("EHLO c\r\n");
  CHECK(out.find("250-AUTH SCRAM-SHA-256-PLUS CRAM-MD5 PLAIN\r\n") != std::string::npos);
  CHECK(codes(talk("EHLO c\r\nAUTH LOGIN\r\nAUTH APOP\r\nAUTH EXTERNAL\r\n")) == "250 504 504 504");
  talk.settings.dsmtp_mechanisms = {};
  CHECK(talk("EHLO c\r\n").find("AUTH") == std::string::npos);
}

TEST_CASE("AUTH: an exchange goes through, and ends well whatever the client does") {
  Talk talk;
  talk.settings.dsmtp_mechanisms = {"cram-md5 scram-sha-1"};
  const std::string good = base64_encode("user secret") + "\r\n";
  const std::string out = talk("EHLO c\r\nAUTH CRAM-MD5\r\n" + good + "MAIL FROM:<a@b>\r\n");
  CHECK(out.find("334 " + base64_encode("<host.example>") + "\r\n235 2.7.0 ") != std::string::npos);
  CHECK(codes(talk("EHLO c\r\nAUTH SCRAM-SHA-1 " + good)) == "250 235");
  // The server speaks first: an initial response is a fault, even an empty one.
  CHECK(codes(talk("EHLO c\r\nAUTH CRAM-MD5 " + good + "AUTH CRAM-MD5 =\r\n")) == "250 501 501");
  CHECK(codes(talk("EHLO c\r\nAUTH SCRAM-SHA-1 =\r\n")) == "250 535");
  talk.backend = ByHandBackend("host.example");
  CHECK(codes(talk("EHLO c\r\nAUTH CRAM-MD5\r\n*\r\nAUTH CRAM-MD5\r\nA=\r\nNOOP\r\n")) ==
        "250 334 501 334 501 250");
  talk.backend = ByHandBackend("host.example");
  CHECK(codes(talk("EHLO c\r\nAUTH CRAM-MD5\r\n" + std::string(kMaxAuthLine + 1, 'A') +
                   "\r\nNOOP\r\n")) == "250 334 500 250");
  CHECK(codes(talk("EHLO c\r\nAUTH CRAM-MD5\r\n" + base64_encode("x") + "\r\nNOOP\r\n")) ==
        "250 334 535 250");
}

TEST_CASE("AUTH: only its own line may be long") {
  Talk talk;
  talk.facts.tls = true;
  const std::string long_text(kMaxCommandLine, 'A');
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + long_text + "\r\nNOOP " + long_text + "\r\n")) ==
        "250 501 500");
}

TEST_CASE("A01: a PLAIN message of the wrong shape is never a login") {
  Talk talk;
  talk.facts.tls = true;
  for (const std::string& message :
       {std::string("user\0admin\0secret\0junk", 22), std::string("\0user\0secret\0", 13),
        std::string("admin\0user\0secret", 17), std::string("user"), std::string("\0user", 5),
        std::string("\0\0secret", 8), std::string("\0user\0", 6),
        std::string("\0user\0sec\nret", 13)})
    CHECK_FALSE(
        codes(talk("EHLO c\r\nAUTH PLAIN " + base64_encode(message) + "\r\n")).ends_with("235"));
}

TEST_CASE("a submission port wants a login, except from this host") {
  Talk talk;
  talk.facts.service = Service::Submission;
  talk.facts.tls = true;
  CHECK(codes(talk(kStart)) == "250 530");
  const std::string plain = base64_encode(std::string("\0user\0secret", 12));
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + plain +
                   "\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@else.example>\r\n")) ==
        "250 235 250 550");  // even then nothing is relayed
  CHECK(codes(talk("EHLO c\r\nAUTH PLAIN " + plain +
                   "\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@host.example>\r\n"
                   "DATA\r\n.\r\n"))
            .ends_with("250"));
  CHECK(talk.backend.last_envelope().protocol == "ESMTPSA");
  talk.facts.client_ip = "127.0.0.1";
  CHECK(codes(talk(kStart)) == "250 250");
}

TEST_CASE("a connection that dies inside DATA leaves no message") {
  Talk talk;
  CHECK(talk(kReady + "DATA\r\nSubject: x\r\n\r\nhalf").ends_with("over"));
  CHECK(talk(kReady + "DATA\r\nSubject: x\r\n\r\nhalf\r\n.").ends_with("over"));
  CHECK(talk.backend.messages() == 0);
}

TEST_CASE("replies never carry bytes of the peer that would make a line") {
  StringStream stream("", 1);
  BufferedWriter buffer(stream, 1000);
  ReplyWriter out(buffer);
  Reply reply;
  reply.code = 550;
  reply.enhanced = "5.1.1";
  reply.lines = {"a\r\nb\xff\0", std::string(1000, 'x')};
  out.send(reply);
  out.flush();
  CHECK(stream.output ==
        "550-5.1.1 a??b?\r\n550 5.1.1 " + std::string(kMaxReplyText, 'x') + "\r\n");
}

// Whoever is told 250 for one recipient must not have to wait for the next one's mailbox.
TEST_CASE("session: LMTP answers leave one by one, as they are known") {
  struct Watching : ByHandBackend {
    using ByHandBackend::ByHandBackend;
    void deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) override {
      ByHandBackend::deliver(envelope, [&](Reply reply) {
        seen.push_back(stream->output.size());
        answer(std::move(reply));
      });
    }
    StringStream* stream = nullptr;
    std::vector<size_t> seen;
  };
  Talk talk;
  talk.facts.service = Service::Lmtp;
  StringStream stream(
      "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@host.example>\r\nRCPT TO:<busy@host.example>\r\n"
      "RCPT TO:<c@host.example>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n",
      1 << 16);
  Watching backend("host.example");
  backend.stream = &stream;
  LineReader in(stream);
  BufferedWriter buffer(stream, 1000);
  ReplyWriter out(buffer);
  Session session(talk.facts, talk.settings, in, out, backend);
  session.run();
  REQUIRE(backend.seen.size() == 3);
  CHECK(backend.seen[0] < backend.seen[1]);
  CHECK(backend.seen[1] < backend.seen[2]);
  CHECK(stream.output.find("250 2.0.0 <a>: Delivered\r\n451 4.2.0 <busy>: Mailbox is in use\r\n"
                           "250 2.0.0 <c>: Delivered\r\n221 ") != std::string::npos);
}

// The monitor counts on through STARTTLS, and ends the connection over a fourth try.
TEST_CASE("session: refused logins count through STARTTLS") {
  Talk talk;
  talk.facts.tls = true;
  for (int i = 0; i < privsep::kMaxTries - 1; ++i)  // before it
    (void)talk.backend.ask_gate(privsep::Frame(privsep::kAuthenticate, {"user", "no", "PLAIN"}));
  const std::string wrong =
      concat("AUTH PLAIN ", base64_encode(std::string("\0user\0no", 8)), "\r\n");
  const std::string out = talk(concat("EHLO x\r\n", wrong, "NOOP\r\n"));
  CHECK(out.ends_with("535 5.7.8 Wrong name or password\r\n"));
}

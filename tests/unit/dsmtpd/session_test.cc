#include "dsmtpd/data_pace.h"
#include "dsmtpd/limits.h"
#include "session_fixture.h"

using namespace dmail;
using namespace dmail::dsmtpd;

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
  CHECK(codes(talk("HELO c\r\nLHLO c\r\nEHLO \r\nEHLO a b\r\n")) == "250 500 501 250");
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

TEST_CASE("submission: a login, or an address of submission_from; the client's, not its proxy's") {
  Talk talk;
  talk.facts.service = Service::Submission;
  talk.facts.client_ip = "127.0.0.1";
  talk.facts.trusted_peer = true;
  const std::string mail = "EHLO c\r\nMAIL FROM:<a@b>\r\n";
  CHECK(codes(talk(mail)) == "250 250");
  CHECK(codes(talk("EHLO c\r\nXCLIENT ADDR=203.0.113.5\r\n" + mail)) == "250 220 250 530");
  CHECK(codes(talk("EHLO c\r\nXCLIENT ADDR=127.0.0.2\r\n" + mail)) == "250 220 250 250");
  CHECK(codes(talk("EHLO c\r\nXCLIENT TTL=1\r\n" + mail)) == "250 220 250 250");
  talk.settings.plaintext_login_from = {"*"};
  talk.settings.submission_from = {"192.0.2.*"};
  CHECK(codes(talk(mail)) == "250 530");
  talk.facts.client_ip = "192.0.2.9";
  CHECK(codes(talk(mail)) == "250 250");
}

TEST_CASE("a LF alone is for the client that smtp_bare_newline_from names, not for its proxy") {
  Talk talk;
  talk.facts.client_ip = "127.0.0.1";
  talk.facts.trusted_peer = true;
  talk.settings.smtp_bare_newline_from = {"127.0.0.1"};
  const std::string rest = kReady + "DATA\r\na\nb\r\n.\r\n";
  CHECK(codes(talk(rest)) == "250 250 250 354 250");
  CHECK(codes(talk("EHLO c\r\nXCLIENT ADDR=203.0.113.5\r\n" + rest)) ==
        "250 220 250 250 250 354 550");
}

namespace {

class Noting : public ByHandBackend {
 public:
  using ByHandBackend::ByHandBackend;
  void note(std::string_view, std::string_view text) override { noted += concat(text, "\n"); }
  std::string noted;
};

std::string notes_of(const std::string& input) {
  Talk talk;
  Noting backend("host.example");
  StringStream stream(input, 1 << 16);
  LineReader in(stream);
  BufferedWriter buffer(stream, 1000);
  ReplyWriter out(buffer);
  Session session(talk.facts, talk.settings, in, out, backend);
  try {
    session.run();
  } catch (const ConnectionOver&) {
  }
  return backend.noted;
}

}  // namespace

TEST_CASE(
    "of a refused command the log gets its name when that is in the table, and nothing else") {
  CHECK(notes_of("EHLO c\r\nAUTH NONE\r\nc2VjcmV0MQ==\r\nDear Joe, hello\r\nsecret\r\n")
            .find("c2Vj") == std::string::npos);
  const std::string notes =
      notes_of("EHLO c\r\nc2VjcmV0MQ==\r\nDear Joe\r\nRSET now\r\nrcpt to:<x>\r\n");
  CHECK(notes ==
        "?: 500 Command not known\n?: 500 Command not known\nRSET: 501 No argument allowed\n"
        "rcpt: 503 Need MAIL first\n");
  CHECK(notes_of("GET /?password=secret1 HTTP/1.1\r\n") == "GET: 554 This is a mail server\n");
}

TEST_CASE("recipients without mail end") {
  Talk talk;
  talk.settings.max_rcpts = 5;
  std::string input = "EHLO c\r\n";
  for (int i = 0; i < 4; ++i)
    input +=
        "MAIL FROM:<a@b>\r\nRCPT TO:<x@host.example>\r\nRCPT TO:<y@host.example>\r\nRCPT "
        "TO:<z@host.example>\r\nRSET\r\n";
  CHECK(codes(talk(input)).ends_with("250 250 421"));
  // With mail between them they do not.
  Talk other;
  other.settings.max_rcpts = 5;
  std::string good = "EHLO c\r\n";
  for (int i = 0; i < 6; ++i)
    good +=
        "MAIL FROM:<a@b>\r\nRCPT TO:<x@host.example>\r\nRCPT "
        "TO:<y@host.example>\r\nDATA\r\nx\r\n.\r\n";
  CHECK(codes(other(good)).find("421") == std::string::npos);
}

TEST_CASE("the time for a message is not saved up") {
  DataPace pace(600000, 1000);
  CHECK(pace.left(1000) == 600000);
  pace.received(60u << 20, 1100);  // in a tenth of a second
  CHECK(pace.left(1100) == 600000);
  CHECK(pace.left(601100) == 0);
  pace.received(1, 300000);
  CHECK(pace.left(300000) == 601100 - 300000 + 2);
  for (int i = 0; i < 1000; ++i) pace.received(1, 300000);  // 500 octets a second
  CHECK(pace.left(300000) == 601100 - 300000 + 2002);
}

TEST_CASE("no message takes longer than kMaxDataSeconds, however fast it comes") {
  DataPace pace(600000, 1000);
  const int64_t last = 1000 + kMaxDataSeconds * 1000;
  for (int64_t now = 1000; now < last; now += 300000) pace.received(1u << 30, now);
  CHECK(pace.left(last - 1) == 1);
  CHECK(pace.left(last) == 0);
}

TEST_CASE("whoever brings no mail may stay for kMaxIdleSeconds, unless he has logged in") {
  const auto after = [](int64_t seconds, bool logged_in, const std::string& input) {
    conf::Settings settings;
    const SessionFacts facts{Service::Smtp, "host.example", "192.0.2.7", false, false, true};
    ByHandBackend backend("host.example");
    StringStream stream(input, 1 << 16);
    LineReader in(stream);
    BufferedWriter buffer(stream, 1000);
    ReplyWriter out(buffer);
    Session session(facts, settings, in, out, backend);
    session.state().idle_since = monotonic_ms() - seconds * 1000;
    session.state().logged_in = logged_in;
    session.run();
    session.out().flush();
    return stream.output;
  };
  CHECK(codes(after(kMaxIdleSeconds - 60, false, "NOOP\r\nNOOP\r\n")) == "250 250");
  const std::string over = after(kMaxIdleSeconds + 1, false, "NOOP\r\nNOOP\r\n");
  CHECK(over == "421 4.7.0 Too long without mail\r\n");
  CHECK(codes(after(kMaxIdleSeconds + 1, true, "NOOP\r\nNOOP\r\n")) == "250 250");
}

TEST_CASE("a message that was taken sets the counts and the clock of idle commands back") {
  conf::Settings settings;
  const SessionFacts facts{Service::Smtp, "host.example", "192.0.2.7", false, false, true};
  ByHandBackend backend("host.example");
  StringStream stream(
      "MAIL FROM:<s@x.example>\r\nRCPT TO:<bob@host.example>\r\nDATA\r\n.\r\nNOOP\r\n", 1 << 16);
  LineReader in(stream);
  BufferedWriter buffer(stream, 1000);
  ReplyWriter out(buffer);
  Session session(facts, settings, in, out, backend);
  session.state().helo = "c";
  session.state().idle_since = monotonic_ms() - (kMaxIdleSeconds + 1) * 1000;
  session.state().idle_commands = kMaxIdleCommands;
  session.state().asked_recipients = 7;
  session.run();
  session.out().flush();
  CHECK(codes(stream.output) == "250 250 354 250 250");
  CHECK(session.state().idle_commands == 1);
  CHECK(session.state().asked_recipients == 0);
}

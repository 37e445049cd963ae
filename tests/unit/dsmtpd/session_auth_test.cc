#include "base/base64.h"
#include "session_fixture.h"

using namespace dmail;
using namespace dmail::dsmtpd;

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

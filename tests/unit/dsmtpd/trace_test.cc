#include "dsmtpd/trace.h"

#include <catch2/catch.hpp>

#include "dsmtpd/handoff.h"
#include "dsmtpd/requests.h"

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {
Trace sample() {
  return {"s@x.example", "bob@host.example", "client.example", "192.0.2.7", "host.example", "ESMTP",
          "abc123"};
}
}  // namespace

TEST_CASE("trace headers have the shape of the original") {
  CHECK(trace_headers(sample(), 966391875, 720) ==
        "Return-Path: <s@x.example>\r\n"
        "Received: from client.example ([192.0.2.7]) by host.example with ESMTP id abc123 ; "
        "Wed, 16 Aug 2000 14:11:15 +1200\r\n"
        "X-Rcpt-To: <bob@host.example>\r\n");
  Trace bare;
  bare.host = "h";
  CHECK(trace_headers(bare, 0, 0)
            .starts_with("Return-Path: <>\r\nReceived: from unknown by h ; Thu"));
}

TEST_CASE("addresses in Received as RFC 5321 section 4.1.3 writes them") {
  Trace trace = sample();
  for (const auto& [ip, written] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2001:db8::1", "([IPv6:2001:db8::1])"},
           {"::1", "([IPv6:::1])"},
           {"fe80::1%eth0", "([IPv6:fe80::1%eth0])"},
           {"::ffff:192.0.2.7", "([IPv6:::ffff:192.0.2.7])"},
           {"192.0.2.7", "([192.0.2.7])"}}) {
    trace.client_ip = ip;
    INFO(ip);
    CHECK(trace_headers(trace, 0, 0).find(written) != std::string::npos);
  }
}

TEST_CASE("S16, F01: no byte of a client starts a line of its own") {
  Trace trace = sample();
  for (auto member : {&Trace::sender, &Trace::recipient, &Trace::helo, &Trace::client_ip,
                      &Trace::host, &Trace::protocol, &Trace::session_id}) {
    Trace bad = sample();
    bad.*member = std::string("a\r\nX-Evil: 1\n\0\xff", 15);
    const std::string headers = trace_headers(bad, 0, 0);
    CHECK(std::count(headers.begin(), headers.end(), '\n') == 3);
    CHECK(std::count(headers.begin(), headers.end(), '\r') == 3);
    CHECK(headers.find('\0') == std::string::npos);
    CHECK_FALSE(parse_trace(serialise(bad)));
  }
  auto parsed = parse_trace(serialise(trace));
  REQUIRE(parsed);
  CHECK(trace_headers(*parsed, 5, 0) == trace_headers(trace, 5, 0));
  CHECK_FALSE(parse_trace("unknown x\n"));
  CHECK_FALSE(parse_trace("helo " + std::string(kMaxTraceValue + 1, 'x') + "\n"));
}

TEST_CASE("exit statuses of a delivery") {
  CHECK(reply_for_exit(0, "a@b").code == 250);
  CHECK(reply_for_exit(69, "a@b").code == 552);
  CHECK(reply_for_exit(73, "a@b").code == 452);
  for (const int status : {-1, 1, 65, 71, 74, 75, 77, 78, 126, 127, 255})
    CHECK(reply_for_exit(status, "a@b").code == 451);
  CHECK(reply_for_exit(69, "a@b").lines.front() == "<a@b>: Mailbox is full");
}

TEST_CASE("frames between monitor and session") {
  StartFacts start;
  start.session = {Service::Submission, "h.example", "::1", true, false, false};
  start.greet = false;
  start.settings.smtp_timeout = 17;
  auto back = start_of(frame_of(start));
  REQUIRE(back);
  CHECK(back->session.service == Service::Submission);
  CHECK(back->session.host == "h.example");
  CHECK(back->session.client_ip == "::1");
  CHECK(back->session.tls);
  CHECK_FALSE(back->session.offer_tls);
  CHECK_FALSE(back->greet);
  CHECK(back->settings.smtp_timeout == 17);
  privsep::Frame cut = frame_of(start);
  cut.fields.pop_back();
  CHECK_FALSE(start_of(cut));

  auto reply = reply_of(frame_of(answer(550, "5.1.1", "No")));
  REQUIRE(reply);
  CHECK(reply->code == 550);
  CHECK(reply->enhanced == "5.1.1");
  CHECK(reply->lines.front() == "No");
  for (const char* code : {"", "99", "600", "2x0", "-250"})
    CHECK_FALSE(reply_of(privsep::Frame(kAnswer, {code, "", ""})));
}

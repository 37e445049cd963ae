#include "privsep/remote.h"

#include <catch2/catch.hpp>

#include "privsep/remote_job.h"

namespace dmail::privsep {
namespace {

conf::Settings settings() {
  conf::Settings s;
  std::vector<conf::Remark> remarks;
  for (const char* line :
       {"host_domain example.com", "remote_accounts proxy", "remote_self Mail1 mail1.example.com",
        "remote_host mail2 192.0.2.2", "remote_host mail3 2001:db8::3 imap=993/tls pop=1110/none",
        "remote_host mail4 192.0.2.4 lmtp=2424"})
    conf::apply_line(s, line, remarks);
  REQUIRE(remarks.empty());
  return s;
}

auth::Answer answer(std::string host) {
  auth::Answer out;
  out.kind = auth::Answer::Kind::Ok;
  out.labels = {{"host", std::move(host)}};
  return out;
}

RemoteHost found(const std::string& label, RemoteProtocol protocol) {
  auto host = remote_host_of(answer(label), protocol, settings());
  REQUIRE(host);
  REQUIRE(*host);
  return **host;
}

}  // namespace

TEST_CASE("remote: the forms of a host label") {
  using P = RemoteProtocol;
  using T = RemoteTls;
  CHECK(found("mail2", P::Imap) == RemoteHost{"mail2", "192.0.2.2", 143, T::Start, ""});
  CHECK(found("MAIL2:1143", P::Imap) == RemoteHost{"mail2", "192.0.2.2", 1143, T::Start, ""});
  CHECK(found("mail3", P::Imap) == RemoteHost{"mail3", "2001:db8::3", 993, T::Implicit, ""});
  CHECK(found("mail3", P::Pop) == RemoteHost{"mail3", "2001:db8::3", 1110, T::None, ""});
  CHECK(found("mail3", P::Lmtp) == RemoteHost{"mail3", "2001:db8::3", 24, T::Start, ""});
  // A label's port is the one of the protocol before login, not LMTP's.
  CHECK(found("mail4:143", P::Lmtp) == RemoteHost{"mail4", "192.0.2.4", 2424, T::Start, ""});
  CHECK(found("192.0.2.7:144", P::Imap) == RemoteHost{"192.0.2.7", "192.0.2.7", 144, T::Start, ""});
  CHECK(found("2001:db8::7", P::Imap).address == "2001:db8::7");
  CHECK(found("[2001:DB8::7]:144", P::Imap).port == 144);
}

TEST_CASE("remote: labels that lead nowhere") {
  for (const char* label :
       {"elsewhere", "mail2:", "mail2:0", "mail2:70000", "mail2:x", "a b", "[mail2]:1",
        "[2001:db8::7]x", "[2001:db8::7", "m\nx", "mail2:143:4", "../x"}) {
    INFO(label);
    CHECK(!remote_host_of(answer(label), RemoteProtocol::Imap, settings()));
  }
  CHECK(!remote_host_of(answer(std::string(300, 'a')), RemoteProtocol::Imap, settings()));
}

TEST_CASE("remote: accounts of this host") {
  for (const char* label : {"", "mail1", "MAIL1.example.com", "example.com", "mail1:143"}) {
    auto host = remote_host_of(answer(label), RemoteProtocol::Imap, settings());
    REQUIRE(host);
    CHECK(!*host);
  }
  auto s = settings();
  s.remote_accounts = "none";
  auto host = remote_host_of(answer("elsewhere"), RemoteProtocol::Imap, s);
  REQUIRE(host);
  CHECK(!*host);
}

TEST_CASE("remote: a referral needs no address, and is a URL whatever the name holds") {
  auto s = settings();
  s.remote_accounts = "referral";
  auto host = remote_host_of(answer("imap.elsewhere.example"), RemoteProtocol::Imap, s);
  REQUIRE(host);
  REQUIRE(*host);
  CHECK(referral_url(**host, "ann") == "imap://ann;AUTH=*@imap.elsewhere.example/");
  CHECK(referral_url(**host, "a]\r\n b;@x") ==
        "imap://a%5d%0d%0a%20b%3b%40x;AUTH=*@imap.elsewhere.example/");
  CHECK(!remote_host_of(answer("imap.elsewhere.example"), RemoteProtocol::Lmtp, s));
  CHECK(referral_url({"2001:db8::3", "", 993, RemoteTls::Start, ""}, "ann") ==
        "imap://ann;AUTH=*@[2001:db8::3]:993/");
}

TEST_CASE("remote: nobody is trusted who is not named") {
  conf::Settings s;
  CHECK(!is_trusted_proxy(s, "192.0.2.1"));
  s.trusted_proxies = {"192.0.2.*", "!192.0.2.9"};
  CHECK(is_trusted_proxy(s, "192.0.2.1"));
  CHECK(is_trusted_proxy(s, "::ffff:192.0.2.1"));
  CHECK(!is_trusted_proxy(s, "198.51.100.1"));
  CHECK(!is_trusted_proxy(s, ""));
  s.trusted_proxies = {"!192.0.2.9", "192.0.2.*"};
  CHECK(!is_trusted_proxy(s, "192.0.2.9"));
  s.trusted_proxies = {"!192.0.2.9"};  // nothing but refusals names nobody
  CHECK(!is_trusted_proxy(s, "192.0.2.1"));
  CHECK(plain_address("::ffff:192.0.2.1") == "192.0.2.1");
  CHECK(plain_address("2001:DB8:0::1") == "2001:db8::1");
  for (const char* bad : {"", "1.2.3", "1.2.3.4 ", "localhost", "fe80::1%eth0"})
    CHECK(!plain_address(bad));
  CHECK(is_session_id("abc+/=-1"));
  CHECK(!is_session_id("a b"));
  CHECK(!is_session_id(std::string(65, 'a')));
}

TEST_CASE("remote: a job comes over as it is") {
  RemoteJob job;
  job.protocol = RemoteProtocol::Lmtp;
  job.tls = RemoteTls::Implicit;
  job.host = "mail2";
  job.timeout_s = 7;
  job.password = std::string("p\0q", 3);
  job.pending = "x\r\n";
  job.recipients = 3;
  job.with = "ESMTP";
  Frame frame = frame_of(job);
  auto again = remote_job_of(frame);
  REQUIRE(again);
  CHECK(again->protocol == job.protocol);
  CHECK(again->tls == job.tls);
  CHECK(again->timeout_s == 7);
  CHECK(again->password == job.password);
  CHECK(again->pending == job.pending);
  CHECK(again->recipients == 3);
  CHECK(again->with == "ESMTP");
  Frame other(kRemoteJob, {"imap"});
  CHECK(!remote_job_of(other));
  Frame bad = frame_of(job);
  bad.fields[2] = "-1";
  CHECK(!remote_job_of(bad));
}

TEST_CASE("remote: lines of dmail.conf that cannot be right") {
  conf::Settings s;
  for (const char* line :
       {"remote_host mail2", "remote_host mail2 mail2.example.com", "remote_host mail2 10.*",
        "remote_host mail2 192.0.2.2 993", "remote_host mail2 192.0.2.2 imap=0",
        "remote_host mail2 192.0.2.2 smtp=25", "remote_host mail2 192.0.2.2 imap=993/ssl"}) {
    std::vector<conf::Remark> remarks;
    conf::apply_line(s, line, remarks);
    INFO(line);
    CHECK(remarks.size() == 1);
  }
  CHECK(s.remote_host.empty());
}

}  // namespace dmail::privsep

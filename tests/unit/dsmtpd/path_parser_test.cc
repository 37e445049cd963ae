#include "dsmtpd/path_parser.h"

#include <catch2/catch.hpp>
#include <string>

using namespace dmail::dsmtpd;

namespace {
std::string rcpt(std::string_view path) {
  auto parsed = parse_rcpt("TO:" + std::string(path));
  return parsed.value ? parsed.value->text() : "refused";
}
int mail_code(std::string_view argument) {
  auto parsed = parse_mail(argument, true);
  return parsed.value ? 250 : parsed.refused.code;
}
}  // namespace

TEST_CASE("paths") {
  CHECK(rcpt("<a@b.example>") == "a@b.example");
  CHECK(rcpt("  <A.b+c@B.example>") == "A.b+c@B.example");
  CHECK(rcpt("<postMaster>") == "postMaster");
  CHECK(rcpt("<a@[192.0.2.1]>") == "a@[192.0.2.1]");
  CHECK(rcpt("<a@[IPv6:2001:db8::1]>") == "a@[IPv6:2001:db8::1]");
  CHECK(rcpt("<a_b@c_d.example>") == "a_b@c_d.example");
  CHECK(rcpt("<-rf@b.example>") == "-rf@b.example");
  CHECK(rcpt("<;sleep`5`|$(x)@b.example>") == "refused");
  CHECK(rcpt("<${run{x}}@b.example>") == "${run{x}}@b.example");  // S15: only a name here
}

TEST_CASE("addresses that there are, though no grammar has them") {
  // Dots anywhere: Japanese mobile networks gave such addresses to their customers.
  for (const char* odd : {"a..b@docomo.example", ".a@b.example", "ab.@docomo.example"})
    CHECK(rcpt("<" + std::string(odd) + ">") == odd);
  CHECK(rcpt("a@b.example") == "a@b.example");  // no brackets
  CHECK(rcpt("<a@b.example.>") == "a@b.example");
  // Senders of lists and of rewriting forwarders.
  const std::string verp = "bounce+" + std::string(120, 'a') + "=b.example@list.example";
  CHECK(rcpt("<" + verp + ">") == verp);
}

TEST_CASE("quoted local parts lose quotes they do not need") {
  CHECK(rcpt("<\"a\"@b.example>") == "a@b.example");
  CHECK(rcpt("<\"a b\"@b.example>") == "\"a b\"@b.example");
  CHECK(rcpt("<\"a\\\"b\\\\c\"@b.example>") == "\"a\\\"b\\\\c\"@b.example");
  CHECK(rcpt("<\"a@b\"@b.example>") == "\"a@b\"@b.example");
  CHECK(rcpt("<\"a>b\"@b.example>") == "\"a>b\"@b.example");
  CHECK(rcpt("<\"\"@b.example>") == "refused");  // S11
  CHECK(rcpt("<\"\">") == "refused");            // S23
  CHECK(rcpt("<\"a@b.example>") == "refused");
  CHECK(rcpt("<\"a\\") == "refused");
  CHECK(rcpt("<\"a\tb\"@b.example>") == "refused");
}

TEST_CASE("source routes are ignored") {
  CHECK(rcpt("<@x.example,@y.example:a@b.example>") == "a@b.example");
  CHECK(rcpt("<@x.example:a@b.example>") == "a@b.example");
  CHECK(rcpt("<@x.example>") == "refused");
  CHECK(rcpt("<@>") == "refused");
  CHECK(rcpt("<@x.example,a@b.example>") == "refused");
  std::string route = "<";
  for (int i = 0; i < 64; ++i) route += i == 0 ? "@h.example" : ",@h.example";
  CHECK(rcpt(route + ":a@b.example>") == "a@b.example");
}

TEST_CASE("what is no path") {
  for (const char* bad : {"",
                          "<a@b.example",
                          "<>",
                          "<a>",
                          "<a@>",
                          "<@b>",
                          "<a@b..c>",
                          "<a@-b>",
                          "<a@b->",
                          "<a@b..>",
                          "<a b@c>",
                          "<a@b>x",
                          "<a@[1.2.3]>",
                          "<a@[1.2.3.4>",
                          "<a@[IPv6:xyz]>",
                          "<a@[fe80::1%eth0]>",
                          "<.;@[127.0.0.1]>",
                          "<a@b@c>",
                          "<a\xff@b>",
                          "<a@b\xff>",
                          "<<a@b>>",
                          "<a@b> NOTIFY=NEVER"})
    CHECK(rcpt(bad) == "refused");
  CHECK(rcpt("<" + std::string(1000, 'a') + "@b>") != "refused");
  CHECK(rcpt("<" + std::string(1001, 'a') + "@b>") == "refused");
  CHECK(rcpt("<a@" + std::string(63, 'b') + ".c>") != "refused");
  CHECK(rcpt("<a@" + std::string(64, 'b') + ".c>") == "refused");
  std::string domain;
  while (domain.size() < 254) domain += "ab.";
  CHECK(rcpt("<a@" + domain + ">") == "a@" + domain.substr(0, domain.size() - 1));
  CHECK(rcpt("<a@" + domain.substr(0, 253) + "bb>") != "refused");
  CHECK(rcpt("<a@" + domain.substr(0, 253) + "bbb>") == "refused");
}

TEST_CASE("parameters of MAIL") {
  CHECK(mail_code("FROM:<>") == 250);
  CHECK(mail_code("from:<a@b>  SIZE=1000  BODY=8BITMIME ") == 250);
  CHECK(mail_code("FROM:<a@b> body=7bit AUTH=<>") == 250);
  CHECK(mail_code("FROM:<a@b> AUTH=e+3Dmc2@b.example") == 250);
  CHECK(mail_code("FROM:<a@b> AUTH=x+0") == 501);
  CHECK(mail_code("FROM:<a@b> AUTH=x+zz") == 501);
  CHECK(mail_code("FROM:<a@b> SIZE=") == 501);
  CHECK(mail_code("FROM:<a@b> SIZE=-1") == 501);
  CHECK(mail_code("FROM:<a@b> SIZE=99999999999999999999999") == 501);
  CHECK(mail_code("FROM:<a@b> BODY=BINARYMIME") == 501);
  CHECK(mail_code("FROM:<a@b> RET=HDRS") == 555);
  CHECK(mail_code("FROM:<a@b> SMTPUTF8") == 555);
  CHECK(mail_code("FROM:a@b") == 250);
  CHECK(mail_code("FROM: a@b SIZE=1") == 250);
  CHECK(mail_code("FROM:") == 501);
  CHECK(mail_code("FROM:<a@b") == 501);
  CHECK(mail_code("FROM:a@b>") == 501);
  CHECK(mail_code("FROM <a@b>") == 501);
  CHECK(mail_code("TO:<a@b>") == 501);
  CHECK(mail_code("FROM:<a@b> SIZE=1 SIZE=1 SIZE=1 SIZE=1 SIZE=1 SIZE=1 SIZE=1 SIZE=1 SIZE=1") ==
        501);
  CHECK_FALSE(parse_mail("FROM:<a@b> AUTH=<>", false).value);
  CHECK(parse_mail("FROM:<a@b> SIZE=12", false).value->size == 12u);
}

TEST_CASE("names of HELO") {
  for (const char* good : {"localhost", "my_pc", "a.example", "[192.0.2.1]", "[IPv6:fe80::1%eth0]"})
    CHECK(helo_name(good) == good);
  CHECK(helo_name("John's PC (home)") == "John_s_PC__home_");
  CHECK(helo_name("a*;<b>\"\xff") == "a___b___");
  for (const char* bad : {"", " ", "a\tb", "a\x7f"}) CHECK_FALSE(helo_name(bad));
  CHECK(helo_name(std::string(255, 'a')));
  CHECK_FALSE(helo_name(std::string(256, 'a')));
}

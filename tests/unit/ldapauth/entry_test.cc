// From attributes to the reply.
#include "tools/ldapauth/entry.h"

#include <catch2/catch.hpp>

using namespace dmail;
using namespace dmail::ldapauth;

namespace {

struct Site {
  Config config;
  Entry entry{"cn=Bob,dc=x", {}};
  Site() {
    config.domain = "example.com";
    config.netbios = {{"CORP", "example.com"}, {"OTHER", "other.org"}};
    config.account_attribute = "sAMAccountName";
    config.mail_attribute = "mail";
    config.proxy_attribute = "proxyAddresses";
    config.quota_attribute = "quota";
    config.path_attribute = "path";
    config.forward_attribute = "forward";
    config.uid_attribute = "uidNumber";
    config.gid_attribute = "gidNumber";
    config.home_attribute = "home";
    config.host_attribute = "mailHost";
    config.disabled_attribute = "userAccountControl";
    config.disabled_value = "2";
    config.switches = {{"imap", "imapOn"}};
    config.exchange_attribute = "protocolSettings";
    config.labels = {{"group", "department"}};
    set("sAMAccountName", {"bob"});
  }
  void set(const char* name, std::vector<std::string> values) {
    entry.attributes.emplace_back(name, std::move(values));
  }
  std::string facts(const char* user = "bob") {
    const auto asked = take_apart(user, config);
    REQUIRE(asked);
    const auto result = facts_of(entry, *asked, config);
    return result ? *result : result.error().log;
  }
};

}  // namespace

TEST_CASE("an entry with nothing but a name") { CHECK(Site().facts() == " config 0"); }

TEST_CASE("every attribute has its place") {
  Site s;
  s.set("PATH", {"/var/mail/bob"});
  s.set("uidNumber", {"1001"});
  s.set("gidNumber", {"100"});
  s.set("home", {"/home/bob"});
  s.set("quota", {"2048"});
  s.set("forward", {"smtp:b@else.org"});
  s.set("mailHost", {"mx2:993"});
  s.set("mail", {"bob@example.com"});
  s.set("proxyAddresses", {"smtp:b@example.com", "SMTP:Bob.B@example.com"});
  s.set("imapOn", {"FALSE"});
  s.set("department", {"two words"});
  CHECK(s.facts() ==
        " /var/mail/bob 1001 gid=\"100\" home=\"/home/bob\" quota=\"2048\" fwd=\"b@else.org\" "
        "host=\"mx2:993\" mail=\"Bob.B@example.com\" imap=\"no\" group=\"two words\"");
}

TEST_CASE("the account's own name is given when it was asked by another") {
  Site s;
  for (const char* name : {"BOB", "bob@example.com", "bob@EXAMPLE.com", "\xef\xbd\x82ob"})
    CHECK(s.facts(name) == " config 0 account=\"bob\"");
  CHECK(s.facts("robert.b") == " config 0 account=\"bob\"");
  CHECK(s.facts("robert.b@Example.com") == " config 0 account=\"bob\"");
  CHECK(s.facts("CORP\\bob") == " config 0 account=\"bob\"");
  CHECK(s.facts("OTHER\\bob") == " config 0 account=\"bob@example.com\"");
  CHECK(s.facts("bob@other.org") == " config 0 account=\"bob@example.com\"");
  s.entry.attributes = {{"sAMAccountName", {"bob@other.org"}}};
  CHECK(s.facts("bob@other.org") == " config 0");
  CHECK(s.facts("info@other.org") == " config 0 account=\"bob@other.org\"");
  CHECK(s.facts("bob") == " config 0 account=\"bob@other.org\"");
}

TEST_CASE("without account_attribute what login_filter compares with the name is the account") {
  Site s;
  s.config.account_attribute.clear();
  s.entry = {"uid=bob,ou=People,dc=x", {{"uid", {"bob"}}, {"mail", {"bob@example.com"}}}};
  CHECK(s.facts() == " config 0 mail=\"bob@example.com\"");
  for (const char* name : {"BOB", "bob@example.com", "info", "CORP\\bob"})
    CHECK(s.facts(name).starts_with(" config 0 account=\"bob\" "));
  // Without a home domain no domain is taken for it.
  s.config.domain.clear();
  CHECK(s.facts("bob@example.com").starts_with(" config 0 account=\"bob\" "));
  CHECK(s.facts("bob@any.where").starts_with(" config 0 account=\"bob\" "));
  s.config.login_filter = "(&(uid=%n)(associatedDomain=%d))";
  CHECK(s.facts("BOB@any.where").starts_with(" config 0 account=\"bob@any.where\" "));
  CHECK(s.facts("bob@any.where").starts_with(" config 0 mail="));
  s.config.login_filter = "(|(mail=%n@%d)(mail=%u))";
  CHECK(s.facts("bob@example.com").starts_with(" config 0 mail="));
  s.config.domain = "example.com";
  CHECK(s.facts("bob").starts_with(" config 0 mail="));
  CHECK(s.facts("Bob@example.com").starts_with(" config 0 account=\"bob\" "));
}

TEST_CASE("of several names the one in the entry's own name is the account, or none") {
  Site s;
  s.config.account_attribute.clear();
  s.entry = {"uid=bob,ou=People,dc=x", {{"uid", {"bert", "bob"}}}};
  CHECK(s.facts("bert") == " config 0 account=\"bob\"");
  s.entry.dn = "cn=Bob,ou=People,dc=x";
  CHECK(s.facts("bert") == "attribute uid has several values");
  s.entry.attributes.clear();
  CHECK(s.facts("bert").starts_with("attribute uid is not there"));
}

TEST_CASE("a value that cannot be used stops everything") {
  auto with = [](const char* name, std::vector<std::string> values) {
    Site s;
    s.set(name, std::move(values));
    return s.facts();
  };
  CHECK(with("quota", {"much"}) == "attribute quota is no number");
  CHECK(with("quota", {"-1"}) == "attribute quota is no number");
  CHECK(with("quota", {"1", "2"}) == "attribute quota has several values");
  CHECK(with("path", {"mail/bob"}) == "attribute path is no absolute path");
  CHECK(with("path", {"/a b"}) == "attribute path is malformed");
  CHECK(with("forward", {"b\" uid=\"0@x"}) == "attribute forward is malformed");
  CHECK(with("forward", {"nobody"}) == "attribute forward is no mail address");
  CHECK(with("forward", {"a@b\r\n+OK root"}) == "attribute forward is malformed");
  CHECK(with("mailHost", {std::string(1001, 'x')}) == "attribute mailHost is malformed");
  CHECK(with("uidNumber", {"0x0"}) == "attribute uidNumber is no number");
  // What is only for show is left out.
  CHECK(with("department", {"a\"b"}) == " config 0");
  CHECK(with("mail", {"a\nb"}) == " config 0");
}

TEST_CASE("all values of ip count, and none is left out in silence") {
  Site s;
  s.config.labels = {{"ip", "loginFrom"}};
  CHECK(s.facts() == " config 0");
  s.set("loginFrom", {"10.*", "!192.0.2.9 192.0.2.*"});
  CHECK(s.facts() == " config 0 ip=\"10.* !192.0.2.9 192.0.2.*\"");
  s.set("loginFrom", {"a\"b"});
  CHECK(s.facts() == "attribute loginFrom is malformed");
  s.entry.attributes = {{"sAMAccountName", {"bob"}},
                        {"loginFrom", std::vector<std::string>(300, "192.0.2.1")}};
  CHECK(s.facts() == "attribute loginFrom is too long");
}

TEST_CASE("quota in its units") {
  Site s;
  s.set("quota", {"10240"});
  s.config.quota_unit = "bytes";
  CHECK(s.facts() == " config 0 quota=\"10\"");
  s.config.quota_unit = "mb";
  CHECK(s.facts() == " config 0 quota=\"10485760\"");
}

TEST_CASE("accounts that are turned off") {
  auto off = [](const char* value, const char* wanted = "2") {
    Site s;
    s.config.disabled_value = wanted;
    s.set("userAccountControl", {value});
    const bool disabled = is_disabled(s.entry, s.config);
    CHECK(s.facts() == (disabled ? " config 0 imap=\"no\" pop=\"no\" smtp=\"no\"" : " config 0"));
    return disabled;
  };
  CHECK(off("514"));
  CHECK(off("66050"));
  CHECK_FALSE(off("512"));
  CHECK(off("-2147483646"));  // 0x80000002
  CHECK_FALSE(off("-2147483648"));
  CHECK(off("nonsense"));
  CHECK(off("TRUE", ""));
  CHECK_FALSE(off("FALSE", ""));
  CHECK(off("Locked", "locked"));
  CHECK_FALSE(off("active", "locked"));
  CHECK_FALSE(is_disabled(Entry(), Site().config));
}

TEST_CASE("Exchange's protocolSettings") {
  Site s;
  s.set("protocolSettings", {"IMAP4\xc2\xa7"
                             "0\xc2\xa7"
                             "1",
                             "POP3\xc2\xa7"
                             "1\xc2\xa7",
                             "HTTP\xc2\xa7"
                             "0",
                             "POP3"});
  CHECK(s.facts() == " config 0 imap=\"no\"");
}

TEST_CASE("values come under any case and option of the name") {
  Site s;
  s.set("Mail;range=0-1", {"x@y.z"});
  CHECK(s.facts() == " config 0 mail=\"x@y.z\"");
}

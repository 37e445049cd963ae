// ldapauth.conf, names taken apart, filters.
#include "tools/ldapauth/config.h"

#include <catch2/catch.hpp>

#include "tools/ldapauth/filter.h"

using namespace dmail;
using namespace dmail::ldapauth;

namespace {

const std::string kSmall = "uri ldap://localhost\nbase dc=example,dc=com\n";

std::string fault(const std::string& text) {
  const auto config = parse_ldap_config(text, "f");
  return config ? "none" : config.error().log;
}
std::string fault_of_line(const std::string& line) { return fault(kSmall + line + "\n"); }

Asked asked(const char* user) {
  Config config;
  config.domain = "example.com";
  config.netbios = {{"CORP", "corp.example"}};
  const auto result = take_apart(user, config);
  return result ? *result : Asked{"", "none", ""};
}

}  // namespace

TEST_CASE("a whole configuration") {
  const auto config = parse_ldap_config(
      "# directory\n"
      "uri ldaps://a.example ldap://b.example:3890\n"
      "  uri\tldapi:///run/slapd\n"
      "starttls yes\ntls_ca /etc/ca.pem\nnetwork_timeout 2\nsearch_timeout 9\n"
      "bind_dn cn=dmail, dc=example\nbind_password_file /etc/secret\nbase dc=example\nscope one\n"
      "login_filter (&(objectClass=user)(sAMAccountName=%n))\n"
      "address_filter (proxyAddresses=smtp:%n@%d)\nlogin_by_address no\ndomain example.com\n"
      "netbios CORP example.com\nnetbios SALES sales.example\n"
      "account_attribute sAMAccountName\nquota_attribute q\nquota_unit mb\n"
      "disabled userAccountControl 2\nswitch imap imapOn\nlabel group department\n",
      "f");
  REQUIRE(config);
  CHECK(config->servers.size() == 3);
  CHECK(config->bind_dn == "cn=dmail, dc=example");
  CHECK(config->scope == Scope::One);
  CHECK(config->starttls);
  CHECK_FALSE(config->login_by_address);
  CHECK(config->netbios.size() == 2);
  CHECK(config->disabled_value == "2");
  CHECK(config->attributes() == std::vector<std::string>{"sAMAccountName", "q",
                                                         "userAccountControl", "imapOn",
                                                         "department"});
}

TEST_CASE("mistakes are named with file and line") {
  CHECK(fault(kSmall) == "none");
  CHECK(fault("") == "f:1: no uri");
  CHECK(fault("uri ldap://localhost\n\n#\n") == "f:1: no base");
  CHECK(fault_of_line("bogus x") == "f:3: bogus: unknown setting");
  CHECK(fault_of_line("base dc=x") == "f:3: base: given twice");
  CHECK(fault_of_line("scope") == "f:3: scope: no value");
  CHECK(fault_of_line("scope all") == "f:3: scope: sub, one or base is wanted");
  CHECK(fault_of_line("uri http://x") ==
        "f:3: uri: a server is ldap://HOST, ldaps://HOST or ldapi://PATH");
  for (const char* bad :
       {"network_timeout 0", "search_timeout 301", "starttls", "starttls maybe", "tls_ca ca.pem",
        "quota_attribute a b", "quota_attribute a)(b", "label fwd x", "label a=b x", "label x",
        "switch ftp x", "switch imap a*", "netbios A", "netbios A B C", "quota_unit gb",
        "disabled a b c", "bind_dn cn=x"})
    CHECK(fault_of_line(bad).starts_with("f:3: "));
  CHECK(fault(kSmall + "base \x01\n") == "f:3: control byte");
  CHECK(fault(kSmall + "#" + std::string(5000, 'x')) == "f:3: line too long");
  CHECK(fault(std::string(5000, '\n')) == "f:4001: too many lines");
}

TEST_CASE("a filter that cannot be meant is refused") {
  for (const char* good : {"(uid=%n)", "(|(a=%u)(b=100%%))", "(&(x=*)(y=%n@%d))"})
    CHECK(fault_of_line(std::string("login_filter ") + good) == "none");
  for (const char* bad :
       {"uid=%n", "(uid=%n", "(uid=%n))(", "(uid=%x)", "(uid=%)", "(uid=bob)", "(uid=%d)"})
    CHECK(fault_of_line(std::string("login_filter ") + bad).starts_with("f:3: login_filter: "));
}

TEST_CASE("a password does not cross the network in clear unless somebody says so") {
  auto with = [](const std::string& lines) { return fault("base dc=x\n" + lines); };
  CHECK(with("uri ldap://ldap.example.com\n") != "none");
  CHECK(with("uri ldaps://a ldap://localhost.example.com\n") != "none");
  CHECK(with("uri ldap://ldap.example.com\nstarttls true\n") == "none");
  CHECK(with("uri ldap://ldap.example.com\nplaintext true\n") == "none");
  for (const char* here : {"ldap://localhost", "ldap://127.0.0.1:389", "ldap://[::1]:389/",
                           "ldapi:///run/x", "ldaps://far.example"})
    CHECK(with(std::string("uri ") + here + "\n") == "none");
}

TEST_CASE("names are taken apart") {
  CHECK(asked("bob").name == "bob");
  CHECK(asked("bob").domain == "example.com");
  CHECK(asked("bob@other.org").name == "bob");
  CHECK(asked("bob@other.org").domain == "other.org");
  CHECK(asked("corp\\bob").domain == "corp.example");
  CHECK(asked("corp\\bob").user == "corp\\bob");
  for (const char* bad : {"", "@x", "bob@", "corp\\", "else\\bob", "\\bob"})
    CHECK(asked(bad).name == "none");
}

TEST_CASE("whatever a name holds is one value of the filter") {
  CHECK(expand("(&(uid=%n)(m=%n@%d)(u=%u)(p=1%%))", asked("bob@x.org")) ==
        "(&(uid=bob)(m=bob@x.org)(u=bob@x.org)(p=1%))");
  CHECK(expand("(uid=%n)", asked("*)(uid=*")) == "(uid=\\2a\\29\\28uid=\\2a)");
  CHECK(expand("(uid=%u)", asked("%n%u")) == "(uid=%n%u)");  // once, not again
  CHECK(escape_value(std::string("a\0\\\x7f\xc3\xbc", 6)) == "a\\00\\5c\\7f\\c3\\bc");
}

TEST_CASE("a name of another domain is not looked for without its domain") {
  constexpr const char* kFalse = "(!(objectClass=*))";
  auto filter = [](const char* text, const char* user) { return expand(text, asked(user)); };
  for (const char* ours : {"bob", "bob@example.com", "bob@EXAMPLE.COM", "bob@corp.example"})
    CHECK(filter("(uid=%n)", ours) == "(uid=bob)");
  CHECK(filter("(uid=%n)", "corp\\bob") == "(uid=bob)");
  CHECK(filter("(uid=%n)", "bob@x.org") == kFalse);
  CHECK(filter("(&(a=*)(uid=%n))", "bob@x.org") == std::string("(&(a=*)") + kFalse + ")");
  CHECK(filter("(|(sam=%n)(upn=%u))", "bob@x.org") ==
        std::string("(|") + kFalse + "(upn=bob@x.org))");
  CHECK(filter("(&(uid=%n)(|(m=%u)(a=*)))", "bob@x.org") ==
        std::string("(&") + kFalse + "(|(m=bob@x.org)(a=*)))");
  CHECK(filter("(&(uid=%n)(!(d=%d)))", "bob@x.org") ==
        std::string("(&") + kFalse + "(!(d=x.org)))");
  CHECK(filter("(&(uid=%n)(d=%d))", "bob@x.org") == "(&(uid=bob)(d=x.org))");
  CHECK(filter("(&(|(d=%d)(m=*@%d))(|(uid=%n)(cn=%n)))", "bob@x.org") ==
        "(&(|(d=x.org)(m=*@x.org))(|(uid=bob)(cn=bob)))");
  CHECK(is_closed("(|(a=%n)(b=%u))"));
  CHECK_FALSE(is_closed("(|(a=%n@%d)(b=%u))"));
}

TEST_CASE("the attribute that a filter finds names by") {
  CHECK(name_attribute("(uid=%n)").attribute == "uid");
  CHECK(name_attribute("(|(upn=%u)(sam=%n))").attribute == "sam");
  CHECK(name_attribute("(&(objectClass=*)(mail=%n@%d))").attribute == "mail");
  CHECK(name_attribute("(uid:caseExactMatch:=%u)").attribute == "uid");
  CHECK(name_attribute("(!(uid=%n))").attribute.empty());
  CHECK(name_attribute("(&(uid=%n)(d=%d))").within_domain);
  CHECK_FALSE(name_attribute("(|(uid=%n)(d=%d))").within_domain);
  CHECK(fault_of_line("login_filter (proxy=smtp:%n@%d)").find("account_attribute") !=
        std::string::npos);
}

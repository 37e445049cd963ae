#include <catch2/catch.hpp>

#include "account/account.h"
#include "account/address_list.h"
#include "account/name_list.h"
#include "base/text.h"

using namespace dmail;
using namespace dmail::account;

namespace {

conf::Settings site() {
  conf::Settings s;
  s.host_domain = {"example.com", "example.net"};
  s.drop_path = "/var/mail";
  s.vdomain = {"cc @computers.com computers.com /var/computers", "sh 9.9.9.9 shared.org /var/mail"};
  s.authent_method = "external";
  return s;
}

Name named(const conf::Settings& s, std::string_view typed, std::string_view local_ip = "",
           Service service = Service::Pop) {
  auto r = login_name({typed, "10.0.0.1", local_ip, service}, s);
  INFO(typed);
  REQUIRE(r);
  return *r;
}

bool refused(const conf::Settings& s, std::string_view typed,
             std::string_view client = "10.0.0.1") {
  return !login_name({typed, client, "", Service::Pop}, s);
}

}  // namespace

TEST_CASE("a plain name is of the main domain, with or without one of its domains") {
  const conf::Settings s = site();
  for (const char* typed : {"test", "test@example.com", "test@EXAMPLE.net"}) {
    const Name n = named(s, typed);
    CHECK(n.user == "test");
    CHECK(n.domain == "example.com");
    CHECK(n.auth_name == "test");
    CHECK(n.drop_path == "/var/mail");
    CHECK_FALSE(n.is_virtual);
  }
}

TEST_CASE("the manual's virtual domain examples") {
  conf::Settings s = site();
  const Name n = named(s, "sales@computers.com");
  CHECK(n.user == "sales");
  CHECK(n.prefix == "cc");
  CHECK(n.is_virtual);
  CHECK(n.auth_name == "cc_sales");
  CHECK(n.drop_path == "/var/computers");
  CHECK(named(s, "sales", "9.9.9.9").auth_name == "sh_sales");
  CHECK(named(s, "sales", "::ffff:9.9.9.9").auth_name == "sh_sales");
  CHECK(named(s, "sales@example.com", "9.9.9.9").auth_name == "sales");
  CHECK(named(s, "sales", "9.9.9.8").auth_name == "sales");
  s.vdomain_separator = "-";
  CHECK(named(s, "sales@computers.com").auth_name == "cc-sales");
  s.authent_domain = true;
  CHECK(named(s, "sales@Computers.COM").auth_name == "sales@computers.com");
  CHECK(named(s, "test").auth_name == "test@example.com");
  s.authent_method = "unix_user";  // authent_domain is for external modules only
  CHECK(named(s, "test").auth_name == "test");
}

TEST_CASE("a vdomain_passwd file is asked about the bare user, in either order of the line") {
  conf::Settings s = site();
  s.vdomain_passwd = {"/etc/cc.passwd computers.com", "shared.org /etc/sh.passwd"};
  CHECK(named(s, "sales@computers.com").passwd_file == "/etc/cc.passwd");
  CHECK(named(s, "sales@computers.com").auth_name == "sales");
  CHECK(named(s, "sales", "9.9.9.9").passwd_file == "/etc/sh.passwd");
  CHECK(named(s, "sales").passwd_file.empty());
}

TEST_CASE("folding and stripping") {
  conf::Settings s = site();
  CHECK(named(s, "Bob").user == "bob");
  s.lowercase_username = false;
  CHECK(named(s, "Bob").user == "Bob");
  s.imapd_strip_domain = "test.com";
  CHECK(named(s, "bob@TEST.com", "", Service::Imap).user == "bob");
  CHECK(named(s, "bob@test.com", "", Service::Pop).user == "bob@test.com");  // imapd's alone
  CHECK(named(s, "test.com", "", Service::Imap).user == "test.com");  // nothing would be left
}

TEST_CASE("unknown domains are only an external module's business") {
  conf::Settings s = site();
  CHECK(named(s, "bob@elsewhere.org").auth_name == "bob@elsewhere.org");
  s.authent_domain = true;
  CHECK(refused(s, "bob@elsewhere.org"));
  s = site();
  s.authent_method = "unix_user";
  CHECK(refused(s, "bob@elsewhere.org"));
}

TEST_CASE("hostile names are refused before anybody is asked") {
  const conf::Settings s = site();
  const std::string nul("bob\0root", 8);
  for (std::string_view bad :
       {std::string_view(""), std::string_view("a b"), std::string_view("a\tb"),
        std::string_view("a\r\nb"), std::string_view(nul), std::string_view("a\x7f"),
        std::string_view("\xff\xfe"), std::string_view("\xc0\xaf"),
        std::string_view("@example.com"), std::string_view("@"),
        std::string_view("a@b@example.com"), std::string_view("a@b@computers.com")})
    CHECK(refused(s, bad));
  CHECK(refused(s, std::string(256, 'a')));
  CHECK_FALSE(refused(s, std::string(255, 'a')));
  CHECK_FALSE(refused(s, "%{env:PATH}$name%s"));  // nothing is expanded, so nothing is special
}

TEST_CASE("a name cannot take the drop file of another domain's user") {
  conf::Settings s = site();            // sh_ shares /var/mail with the main domain
  CHECK_FALSE(refused(s, "sh_sales"));  // the same name, hence person, to the module
  s.authent_domain = true;
  CHECK(refused(s, "sh_sales"));
  CHECK_FALSE(refused(s, "cc_sales"));  // another directory
  CHECK_FALSE(refused(s, "sh_"));
  s.drop_prefix = true;  // prefixes are directories then
  CHECK_FALSE(refused(s, "sh_sales"));
  s = site();
  s.vdomain_passwd = {"shared.org /etc/sh.passwd"};
  CHECK(refused(s, "sh_sales"));
  s.vdomain = {"a @a.org a.org /v", "a_b @b.org b.org /v"};
  s.authent_domain = true;
  CHECK(refused(s, "b_c@a.org"));  // a_b_c is c's of b.org
  CHECK_FALSE(refused(s, "c@b.org"));
  s.vdomain[1] = "a_b @b.org b.org /v/";
  CHECK(refused(s, "b_c@a.org"));
  // Maildirs of all domains lie in one place, wherever their drop files would.
  s.vdomain[1] = "a_b @b.org b.org /elsewhere";
  CHECK_FALSE(refused(s, "b_c@a.org"));
  s.use_maildir = true;
  s.maildir_home = "/maildir";
  CHECK(refused(s, "b_c@a.org"));
  CHECK(refused(s, "a_x"));
  s.maildir_althome = {"b.org /maildir-b"};
  CHECK_FALSE(refused(s, "b_c@a.org"));
}

TEST_CASE("two domains with one prefix in one directory are not two people with one drop file") {
  conf::Settings s = site();
  s.vdomain = {"v @a.org a.org /v", "v 10.0.0.9 a.org /v", "v @b.org b.org /v"};
  CHECK_FALSE(refused(s, "bob@a.org"));  // v_bob, the same person to the module
  CHECK_FALSE(refused(s, "bob@b.org"));
  s.authent_domain = true;
  CHECK_FALSE(refused(s, "bob@a.org"));
  CHECK(refused(s, "bob@b.org"));
  CHECK_FALSE(recipient("bob@b.org", s));
  s.drop_prefix = true;
  CHECK(refused(s, "bob@b.org"));
  s.vdomain[2] = "v @b.org b.org /w";
  CHECK_FALSE(refused(s, "bob@b.org"));
  s.use_maildir = true;
  s.maildir_home = "/maildir";
  CHECK(refused(s, "bob@b.org"));
  CHECK_FALSE(refused(s, "bob@a.org"));
  s.use_maildir = s.authent_domain = false;
  s.vdomain[2] = "v @b.org b.org /v";
  s.vdomain_passwd = {"b.org /etc/b.passwd"};
  CHECK(refused(s, "bob@b.org"));
}

TEST_CASE("valid_users and user_ip_address read left to right") {
  conf::Settings s = site();
  s.valid_users = {"!root", "b*", "*@computers.com"};
  CHECK_FALSE(refused(s, "bob"));
  CHECK(refused(s, "alice"));
  CHECK(refused(s, "ROOT"));
  CHECK_FALSE(refused(s, "sales@computers.com"));
  s.valid_users = {"!root,!daemon"};
  CHECK(refused(s, "daemon"));
  CHECK_FALSE(refused(s, "alice"));
  // Each form of a name, the one that modules are asked about, too.
  for (const char* form : {"sales", "sales@computers.com", "cc_sales"}) {
    s.valid_users = {concat("!", form)};
    CHECK(refused(s, "sales@computers.com"));
  }
  s.valid_users.clear();
  s.user_ip_address = {"!10.0.0.66", "10.*, 192.168.1.?"};
  CHECK_FALSE(refused(s, "alice"));
  CHECK(refused(s, "alice", "10.0.0.66"));
  CHECK(refused(s, "alice", "11.0.0.1"));
  CHECK_FALSE(refused(s, "alice", "::ffff:192.168.1.7"));
  auto r = login_name({"alice", "11.0.0.1", "", Service::Imap}, s);
  CHECK(r.error().kind == ErrorKind::NoPermission);
  CHECK_FALSE(refused(s, "alice", ""));  // run by hand
  s.user_ip_address = {"!2001:DB8:0:0::66 2001:db8::/32", "192.0.2.0/28"};
  CHECK_FALSE(refused(s, "alice", "2001:db8::1"));
  CHECK(refused(s, "alice", "2001:db8::66"));
  CHECK_FALSE(refused(s, "alice", "::ffff:192.0.2.15"));
  CHECK(refused(s, "alice", "192.0.2.16"));
}

TEST_CASE("lists of wildcards") {
  CHECK(list_allows({}, "x", false));
  CHECK_FALSE(list_allows({"y"}, "x", false));
  CHECK(list_allows({"*"}, "", false));
  CHECK_FALSE(list_allows({"!*"}, "x", false));
  CHECK(list_allows({"", "  ", ",,"}, "x", false));  // no pattern at all
}

TEST_CASE("mail addresses find their account") {
  conf::Settings s = site();
  auto found = [&](std::string_view address, char separator = 0) {
    auto r = recipient(address, s, separator);
    REQUIRE(r);
    REQUIRE(r->has_value());
    return **r;
  };
  CHECK(found("bob@example.net").name.user == "bob");
  CHECK(found("bob").name.domain == "example.com");
  CHECK(found("sales@COMPUTERS.com").name.auth_name == "cc_sales");
  CHECK(found("x@shared.org").name.auth_name == "sh_x");  // by its domain, whatever the address
  CHECK(found("bob+lists@example.com").name.user == "bob+lists");
  CHECK(found("bob+lists+a@example.com", '+').name.user == "bob");
  CHECK(found("bob+lists+a@example.com", '+').detail == "lists+a");
  CHECK(found("+x@example.com", '+').name.user == "+x");
  auto elsewhere = recipient("bob@elsewhere.org", s);
  REQUIRE(elsewhere);
  CHECK_FALSE(elsewhere->has_value());
  for (const char* bad : {"@example.com", "a b@example.com", "a@b@example.com", ""})
    CHECK_FALSE(recipient(bad, s));
  s.valid_users = {"alice"};
  CHECK_FALSE(recipient("bob@example.com", s));
  s.lowercase_username = true;
  CHECK(found("Alice@example.com").name.user == "alice");
  CHECK(is_local_domain("Shared.ORG", s));
  CHECK_FALSE(is_local_domain("elsewhere.org", s));
  CHECK_FALSE(is_local_domain("", s));
}

TEST_CASE("a name of a domain that nothing here knows") {
  conf::Settings s;
  s.host_domain = {"example.com"};
  s.authent_method = "external";
  s.vdomain = {"cc @computers.com computers.com /var/computers"};
  s.login_domain = {"CORP example.com", "friends.example friends.example"};
  auto unknown = [&](const char* typed) {
    const auto name = login_name({typed, "", "", Service::Imap}, s);
    REQUIRE(name);
    return is_of_unknown_domain(*name, s);
  };
  for (const char* known : {"joe", "joe@Example.com", "joe@computers.com", "joe@corp", "CORP\\joe",
                            "joe@friends.example"})
    CHECK_FALSE(unknown(known));
  CHECK(unknown("joe@partner.example"));
  CHECK(unknown("JOE@x.computers.com"));
}

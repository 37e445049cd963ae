#include <catch2/catch.hpp>
#include <set>

#include "account/account.h"
#include "account/drop_name.h"

using namespace dmail;
using namespace dmail::account;

namespace {

conf::Settings site() {
  conf::Settings s;
  s.host_domain = {"example.com"};
  s.drop_path = "/var/mail/";
  s.vdomain = {"cc @computers.com computers.com /var/computers"};
  return s;
}

Account placed(const conf::Settings& s, std::string_view typed, const Facts& facts = {}) {
  auto name = login_name({typed, "", "", Service::Imap}, s);
  REQUIRE(name);
  auto account = account_of(*name, facts, s);
  INFO((account ? "" : account.error().log));
  REQUIRE(account);
  return *account;
}

bool refused(const conf::Settings& s, std::string_view typed, const Facts& facts = {}) {
  auto name = login_name({typed, "", "", Service::Imap}, s);
  return !name || !account_of(*name, facts, s);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the highest uid and gid that are served are those of the setting") {
  conf::Settings s = site();
  s.authent_method = "external";
  s.unix_uid_maximum = 5000;
  Facts facts;
  facts.uid = 5000;
  facts.gid = 5000;
  CHECK(placed(s, "joe", facts).uid == 5000U);
  facts.gid = 5001;
  CHECK(refused(s, "joe", facts));
  facts.gid = 5000;
  facts.uid = 5001;
  CHECK(refused(s, "joe", facts));
}

TEST_CASE("hash directories") {
  CHECK(hash_directories("test", 0).empty());
  CHECK(hash_directories("test", 1) == Names{"g"});  // the sample of the IMAPD page
  CHECK(hash_directories("TEST", 1) == Names{"g"});
  CHECK(hash_directories("tests", 1) == hash_directories("tests-and-more", 1));
  CHECK(hash_directories("User", 2) == Names{"u", "s"});
  CHECK(hash_directories("x", 2) == Names{"x", "x"});
  CHECK(hash_directories("u.ser", 2) == Names{"u", "%2E"});
  CHECK(hash_directories("u.ser", 2, true) == Names{"u", "."});
  CHECK(hash_directories("a/b", 2) == Names{"a", "%2F"});
  CHECK(hash_directories("\xc3\xa9", 2) == Names{"%C3", "%A9"});
  CHECK(hash_directories("", 2).empty());
}

TEST_CASE("the drop file, its folders, and the directories to make") {
  conf::Settings s = site();
  Account a = placed(s, "test");
  CHECK(a.drop_file == "/var/mail/test");
  CHECK(a.folders == "/var/mail/test.mbx");
  CHECK(a.directories.empty());
  s.hash_spool = 1;
  a = placed(s, "test");
  CHECK(a.drop_file == "/var/mail/g/test");
  CHECK(a.directories == Names{"/var/mail/g"});
  s.hash_spool = 2;
  a = placed(s, "sales@computers.com");
  CHECK(a.user == "sales@computers.com");
  CHECK(a.drop_file == "/var/computers/s/a/cc_sales");
  CHECK(a.directories == Names{"/var/computers/s", "/var/computers/s/a"});
  s.drop_prefix = true;
  a = placed(s, "sales@computers.com");
  CHECK(a.drop_file == "/var/computers/cc/s/a/sales");
  CHECK(a.directories ==
        Names{"/var/computers/cc", "/var/computers/cc/s", "/var/computers/cc/s/a"});
  for (const char* bad : {"", "relative", "/a/../b", "/a//b", "/"}) {
    s.drop_path = bad;
    CHECK(refused(s, "test"));
  }
}

TEST_CASE("awkward names are encoded, reversibly and without collisions") {
  const std::string unix_chars = "/";
  auto enc = [&](std::string_view name) {
    auto r = encoded_name(name, unix_chars);
    REQUIRE(r);
    return *r;
  };
  CHECK(enc("a/b") == "a%2Fb");
  CHECK(enc("..") == "%2E.");
  CHECK(enc(".") == "%2E");
  CHECK(enc(".bashrc") == "%2Ebashrc");
  CHECK(enc("100%") == "100%25");
  CHECK(enc("a%2Fb") == "a%252Fb");
  CHECK(enc("bob.mbx") == "bob%2Embx");  // not bob's folder directory
  CHECK(enc("bob.LOCK") == "bob%2ELOCK");
  CHECK(enc("a\nb") == "a%0Ab");
  CHECK(enc("caf\xc3\xa9") == "caf\xc3\xa9");
  std::set<std::string> seen;
  for (int c = 0; c < 256; ++c) {
    const std::string name = {'x', static_cast<char>(c), 'y'};
    const std::string file = enc(name);
    CHECK(decoded_name(file) == name);
    CHECK(file.find('/') == std::string::npos);
    CHECK(file.find('\0') == std::string::npos);
    CHECK(seen.insert(file).second);
  }
  CHECK_FALSE(encoded_name("", unix_chars));
  CHECK(encoded_name(std::string(200, 'a'), unix_chars));
  CHECK_FALSE(encoded_name(std::string(201, 'a'), unix_chars));
  CHECK_FALSE(encoded_name(std::string(70, '%'), unix_chars));
  CHECK(invalid_bytes(R"("\\/:*?\"<>\|")") == R"(\/:*?"<>|)");
  CHECK(invalid_bytes("/:") == "/:");
  CHECK(*encoded_name("a:b", invalid_bytes(R"("/:")")) == "a%3Ab");
  CHECK(decoded_name("%") == "%");
  CHECK(decoded_name("a%4") == "a%4");
}

TEST_CASE("old naming encodes nothing and refuses what it would have to encode") {
  conf::Settings s = site();
  s.imapd_enable_new_hashing = false;
  s.hash_spool = 2;
  CHECK(placed(s, "u.ser").drop_file == "/var/mail/u/u.ser");  // `.` is the directory itself
  CHECK(placed(s, "100%").drop_file == "/var/mail/1/0/100%");
  for (const char* bad : {"a/b", "..", ".x", "bob.mbx", "bob.lock", "/", "x/../../etc/passwd"})
    CHECK(refused(s, bad));
  s.imapd_enable_new_hashing = true;
  CHECK(placed(s, "u.ser").drop_file == "/var/mail/u/%2E/u.ser");
  CHECK(placed(s, "x/../../etc/passwd").drop_file == "/var/mail/x/%2F/x%2F..%2F..%2Fetc%2Fpasswd");
  CHECK(placed(s, "..").drop_file == "/var/mail/%2E/%2E/%2E.");
}

TEST_CASE("a module's path is believed only when it is a plain absolute path") {
  const conf::Settings s = site();
  Facts f;
  f.drop_file = "/srv/mail/bob";
  const Account a = placed(s, "bob", f);
  CHECK(a.drop_file == "/srv/mail/bob");
  CHECK(a.folders == "/srv/mail/bob.mbx");
  CHECK(a.directories.empty());
  for (const char* bad : {"config2", "srv/x", "/", "/srv/../etc/passwd", "/srv/./x", "/srv//x",
                          "/srv/x/", "/srv/x\n", "//x"}) {
    f.drop_file = bad;
    CHECK(refused(s, "bob", f));
  }
  f.drop_file = "/" + std::string(2000, 'a');
  CHECK(refused(s, "bob", f));
}

TEST_CASE("uid 0 is never given, quota comes from the account or the setting") {
  conf::Settings s = site();
  Facts f;
  f.uid = 0;
  f.gid = 0;
  CHECK_FALSE(placed(s, "bob", f).uid);
  CHECK_FALSE(placed(s, "bob", f).gid);
  f.uid = 1000;
  f.gid = 100;
  CHECK(placed(s, "bob", f).uid == 1000u);
  CHECK(placed(s, "bob", f).gid == 100u);
  f.quota_kb = 200;
  CHECK(placed(s, "bob", f).quota_bytes == 0);  // user_quota false
  s.user_quota = conf::kQuotaOfAccount;
  CHECK(placed(s, "bob", f).quota_bytes == 200 * 1024);
  CHECK(placed(s, "bob").quota_bytes == 0);
  s.user_quota = 50;
  CHECK(placed(s, "bob", f).quota_bytes == 200 * 1024);
  CHECK(placed(s, "bob").quota_bytes == 50 * 1024);
  for (const uint64_t kilobytes : {uint64_t{1} << 54, (uint64_t{1} << 54) + 1, UINT64_MAX}) {
    f.quota_kb = kilobytes;
    CHECK(placed(s, "bob", f).quota_bytes > (uint64_t{1} << 63));  // capped, not wrapped around
  }
}

TEST_CASE("imapd_mailbox_name puts the folders of system users at home") {
  conf::Settings s = site();
  Facts f;
  f.uid = 1000;
  f.home = "/home/bob";
  s.imapd_mailbox_name = "mail";
  CHECK(placed(s, "bob", f).folders == "/home/bob/mail");
  CHECK(placed(s, "bob", f).drop_file == "/var/mail/bob");
  s.imapd_mailbox_name = ".";
  CHECK(placed(s, "bob", f).folders == "/home/bob");
  s.imapd_mailbox_name = "../x";
  CHECK(refused(s, "bob", f));
  s.imapd_mailbox_name = "mail";
  CHECK(placed(s, "bob").folders == "/var/mail/bob.mbx");  // nobody the system knows
  f.home = "/";
  CHECK(refused(s, "bob", f));
  s.imapd_mailbox_name.clear();
  CHECK(placed(s, "bob", f).home.empty());
}

TEST_CASE("maildir paths") {
  conf::Settings s = site();
  s.use_maildir = true;
  CHECK(refused(s, "bob"));  // maildir_home is needed
  s.maildir_home = "/srv/maildir";
  s.maildir_althome = {"computers.com /srv/cc"};
  s.hash_spool = 2;
  Account a = placed(s, "bob");
  CHECK(a.maildir);
  CHECK(a.drop_file == "/srv/maildir/b/o/bob.mdir");
  CHECK(a.folders == a.drop_file);
  CHECK(a.directories == Names{"/srv/maildir/b", "/srv/maildir/b/o"});
  CHECK(placed(s, "sales@computers.com").drop_file == "/srv/cc/s/a/cc_sales.mdir");
  s.maildir_suffix = false;
  CHECK(placed(s, "bob").drop_file == "/srv/maildir/b/o/bob");
}

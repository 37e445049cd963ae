// Every way to write a user's name, and the account it comes to.
#include <catch2/catch.hpp>

#include "account/account.h"

using namespace dmail;
using namespace dmail::account;

namespace {

conf::Settings site() {
  conf::Settings s;
  s.host_domain = {"example.com", "example.net"};
  s.drop_path = "/var/mail";
  s.vdomain = {"cc @computers.com computers.com /var/computers",
               "sh 9.9.9.9 shared.org /var/shared"};
  s.login_domain = {"CORP example.com", "CC-AD computers.com", "CORP.LOCAL example.com",
                    "ELSE elsewhere.org"};
  s.authent_method = "external";
  s.imapd_strip_domain = "strip.me";
  s.invalid_chars = "/\\";
  return s;
}

struct Row {
  const char* typed;
  const char* user;    // nullptr: refused
  const char* domain;  // "" : the main one
  const char* alias = "";
  const char* local_ip = "";
};

constexpr Row kRows[] = {
    // One person of the main domain.
    {"bob", "bob", ""},
    {"BOB", "bob", ""},
    {"bob@example.com", "bob", ""},
    {"Bob@Example.NET", "bob", ""},
    {"bob@corp", "bob", ""},
    {"bob@CORP.LOCAL", "bob", ""},
    {"CORP\\bob", "bob", ""},
    {"corp\\BOB", "bob", ""},
    {"corp/bob", "bob", ""},
    {"example.com\\bob", "bob", ""},
    {"example.net/bob", "bob", ""},
    {"CORP.LOCAL\\bob", "bob", ""},
    {"CORP/bob/bob", "bob", ""},
    {"CORP\\bob\\Bob", "bob", ""},
    {"corp/bob/bob@example.net", "bob", ""},
    {"bob@example.com/bob", "bob", ""},
    {"bob@strip.me", "bob", ""},
    {"corp\\bob@strip.me", "bob", ""},
    {"corp/bob/bob@strip.me", "bob", ""},
    // The address connected to decides only where nothing is said.
    {"bob", "bob", "shared.org", "", "9.9.9.9"},
    {"corp\\bob", "bob", "", "", "9.9.9.9"},
    {"shared.org/bob", "bob", "shared.org"},
    // A virtual domain.
    {"sales@computers.com", "sales", "computers.com"},
    {"CC-AD\\Sales", "sales", "computers.com"},
    {"cc-ad/sales/sales", "sales", "computers.com"},
    {"computers.com/sales", "sales", "computers.com"},
    {"sales@cc-ad", "sales", "computers.com"},
    // Another name for the mailbox: the authenticator decides whose it is.
    {"corp/bob/info", "bob", "", "info"},
    {"corp\\bob\\Robert.Smith", "bob", "", "robert.smith"},
    {"bob@example.com\\info", "bob", "", "info"},
    {"sales@computers.com/info@computers.com", "sales", "computers.com", "info"},
    {"corp/bob/sales@computers.com", nullptr, nullptr},  // another domain's
    // Dots are letters; so is a slash after something that is no domain.
    {"bob.smith", "bob.smith", ""},
    {"corp\\bob.smith", "bob.smith", ""},
    {"bob.smith@example.com", "bob.smith", ""},
    {"nodomain/bob", "nodomain/bob", ""},
    {"NoDomain\\bob", "nodomain\\bob", ""},
    {"imap/host@example.com", "imap/host", ""},
    {".bob.", ".bob.", ""},
    // Known to login_domain, but nobody's mail domain: the module's business.
    {"else\\bob", "bob@elsewhere.org", ""},
    {"bob@elsewhere.org", "bob@elsewhere.org", ""},
    // Neither form nor name.
    {"corp\\", nullptr, nullptr},
    {"corp\\\\bob", nullptr, nullptr},
    {"corp/bob/", nullptr, nullptr},
    {"corp/bob/a/b", nullptr, nullptr},
    {"corp\\bob/info", nullptr, nullptr},
    {"corp/bob\\info", nullptr, nullptr},
    {"corp\\bob@example.com", nullptr, nullptr},
    {"corp\\bob@computers.com", nullptr, nullptr},
    {"corp/@example.com", nullptr, nullptr},
    {"@corp", nullptr, nullptr},
    {"a@b@corp", nullptr, nullptr},
    {"a@b@example.com/bob", nullptr, nullptr},
    {"example.com/bob/a@b@example.com", nullptr, nullptr},
};

}  // namespace

TEST_CASE("every form of a name comes to the same account") {
  const conf::Settings s = site();
  for (const Row& row : kRows) {
    INFO(row.typed);
    const auto name = login_name({row.typed, "10.0.0.1", row.local_ip, Service::Imap}, s);
    REQUIRE(name.ok() == (row.user != nullptr));
    if (!name) continue;
    CHECK(name->user == row.user);
    CHECK(name->domain == (*row.domain ? row.domain : "example.com"));
    CHECK(name->is_virtual == (*row.domain != '\0'));
    CHECK(name->alias == row.alias);
    // The same mailbox as the plain form, whatever the service is.
    const std::string plain = std::string(row.user).find('@') != std::string::npos
                                  ? row.user
                                  : std::string(row.user) + "@" + name->domain;
    const auto same = login_name({plain, "", "", Service::Pop}, s);
    REQUIRE(same);
    CHECK(same->auth_name == name->auth_name);
    const auto a = account_of(*name, {}, s), b = account_of(*same, {}, s);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->drop_file == b->drop_file);
    CHECK(a->user == b->user);
  }
}

TEST_CASE("an alias has a name for the authenticator, too") {
  conf::Settings s = site();
  auto name = login_name({"cc-ad/sales/info", "", "", Service::Pop}, s);
  REQUIRE(name);
  CHECK(name->alias_auth_name == "cc_info");
  s.authent_domain = true;
  name = login_name({"cc-ad/sales/info", "", "", Service::Pop}, s);
  REQUIRE(name);
  CHECK(name->alias_auth_name == "info@computers.com");
}

TEST_CASE("rules are for the account, not for the way it was written") {
  conf::Settings s = site();
  s.valid_users = {"!root", "bob", "*@computers.com"};
  auto allowed = [&](const char* typed) {
    return login_name({typed, "", "", Service::Pop}, s).ok();
  };
  for (const char* good : {"corp\\bob", "bob@corp", "corp/bob/bob", "cc-ad\\sales"})
    CHECK(allowed(good));
  for (const char* bad :
       {"corp\\root", "root@corp", "corp/root/bob", "corp/bob/root", "CORP\\alice"})
    CHECK_FALSE(allowed(bad));
}

TEST_CASE("the account's own name decides where its mail lies") {
  conf::Settings s = site();
  const auto asked = login_name({"robert.smith", "", "", Service::Pop}, s);
  REQUIRE(asked);
  Facts facts;
  auto file = [&](const char* own) {
    facts.account = own;
    const auto account = account_of(*asked, facts, s);
    return account ? account->drop_file + " " + account->user : "refused";
  };
  CHECK(file("") == "/var/mail/robert.smith robert.smith");
  CHECK(file("bob") == "/var/mail/bob bob");
  CHECK(file("Bob@example.net") == "/var/mail/bob bob");
  CHECK(file("sales@computers.com") == "/var/computers/cc_sales sales@computers.com");
  for (const char* bad : {"a b", "@", "bob@", "a@b@c", "x\ny"}) CHECK(file(bad) == "refused");
  s.valid_users = {"!bob", "*"};  // no way round a rule
  CHECK(file("bob") == "refused");

  s = site();
  const auto sales = login_name({"info@computers.com", "", "", Service::Pop}, s);
  REQUIRE(sales);
  facts.account = "sales";
  CHECK(account_of(*sales, facts, s)->drop_file == "/var/computers/cc_sales");
  CHECK(account_of(*sales, facts, s)->base == "/var/computers");
}

TEST_CASE("letters fold unless that is turned off") {
  conf::Settings s = site();
  s.lowercase_username = false;
  auto user = [&](const char* typed) {
    return login_name({typed, "", "", Service::Imap}, s)->user;
  };
  CHECK(user("Bob") == "Bob");
  CHECK(user("corp\\Bob") == "Bob");
  CHECK(user("Bob@CORP") == "Bob");
  // A domain's letters fold always, also of one that only the module knows.
  CHECK(user("Bob@Elsewhere.ORG") == "Bob@elsewhere.org");
  CHECK(user("Elsewhere\\Bob") == "Elsewhere\\Bob");
}

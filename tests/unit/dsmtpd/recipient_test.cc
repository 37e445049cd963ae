#include "dsmtpd/recipient.h"

#include <catch2/catch.hpp>
#include <map>

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {

struct Directory {
  Directory() {
    settings.host_domain = {"host.example", "alias.example"};
    settings.drop_path = "/var/mail";
    settings.authent_method = "external";
  }
  std::string operator()(const std::string& local, const std::string& domain) {
    const RecipientFinder finder(
        settings,
        [this](const account::Name& name) {
          asked.push_back(name.auth_name);
          auth::Answer answer;
          answer.kind = auth::Answer::Kind::No;
          const auto found = users.find(name.user);
          if (found == users.end()) return answer;
          answer.kind = found->second == "dead" ? auth::Answer::Kind::Dead : auth::Answer::Kind::Ok;
          if (found->second.find('@') != std::string::npos)
            answer.labels.emplace_back("fwd", found->second);
          return answer;
        },
        false, local_ip);
    auto result = finder.find(local, domain, local + "@" + domain);
    if (auto* refused = std::get_if<RecipientRefused>(&result))
      return std::to_string(refused->reply.code) + " " + refused->reply.enhanced;
    return std::get<Recipient>(result).account.drop_file;
  }
  conf::Settings settings;
  std::map<std::string, std::string> users{{"bob", ""}, {"ann+x", ""}, {"late", "dead"}};
  std::vector<std::string> asked;
  std::string local_ip;
};

}  // namespace

TEST_CASE("who is here") {
  Directory find;
  CHECK(find("bob", "host.example") == "/var/mail/bob");
  CHECK(find("bob", "Alias.Example") == "/var/mail/bob");
  CHECK(find("carl", "host.example") == "550 5.1.1");
  CHECK(find("late", "host.example") == "450 4.3.0");
  CHECK(find("bob", "elsewhere.example") == "550 5.7.1");
  CHECK(find("bob", "[127.0.0.1]") == "550 5.7.1");
  CHECK(find("bob", "host.example.elsewhere.example") == "550 5.7.1");
}

TEST_CASE("mail for the address that the client came to is mail for us") {
  Directory find;
  find.settings.sysadmin = "bob@host.example";
  for (const char* own : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}) {
    find.local_ip = own;
    const bool six = find.local_ip.find(':') != std::string::npos;
    const std::string literal = six ? "[IPv6:" + find.local_ip + "]" : "[" + find.local_ip + "]";
    INFO(literal);
    CHECK(find("bob", literal) == "/var/mail/bob");
    CHECK(find("bob+x", literal) == "/var/mail/bob");
    CHECK(find("postmaster", literal) == "/var/mail/bob");
    CHECK(find("carl", literal) == "550 5.1.1");
    for (const char* other : {"[192.0.2.2]", "[IPv6:2001:db8::2]", "[]", "[IPv6:]", "[192.0.2.1",
                              "192.0.2.1", "[192.0.2.1.]", "[IPv6:192.0.2.1]", "[2001:db8::1]"})
      CHECK(find("bob", other) == "550 5.7.1");
  }
  find.local_ip = "2001:db8::1";
  CHECK(find("bob", "[ipv6:2001:DB8:0:0::1]") == "/var/mail/bob");
  find.local_ip = "192.0.2.1";
  CHECK(find("bob", "[192.0.2.1]") == "/var/mail/bob");
}

TEST_CASE("only the whole address of a plus is tried first") {
  Directory find;
  CHECK(find("ann+x", "host.example") == "/var/mail/ann+x");
  CHECK(find("bob+folder", "host.example") == "/var/mail/bob");
  CHECK(find("carl+folder", "host.example") == "550 5.1.1");
  CHECK(find("bob+../../x", "host.example") == "550 5.1.1");  // M08
  CHECK(find("+x", "host.example") == "550 5.1.1");
}

TEST_CASE("a quoted local part is never another address") {
  Directory find;
  for (const char* local :
       {"bob@host.example", "x y", "bob\"", "a\\b", "../bob", "/etc/passwd", "", "b\nob"})
    CHECK(find(local, "host.example") == "550 5.1.1");
  CHECK(find.asked.empty());
}

TEST_CASE("postmaster reaches somebody") {
  Directory find;
  CHECK(find("postmaster", "") == "550 5.1.1");
  find.settings.sysadmin = "bob@host.example";
  CHECK(find("Postmaster", "") == "/var/mail/bob");
  CHECK(find("postmaster", "host.example") == "/var/mail/bob");
  CHECK(find("postmasters", "host.example") == "550 5.1.1");
  find.settings.sysadmin = "postmaster@host.example";
  CHECK(find("postmaster", "") == "550 5.1.1");
  find.users["postmaster"] = "";
  CHECK(find("postmaster", "") == "/var/mail/postmaster");
}

TEST_CASE("redirections stay here, and end") {
  Directory find;
  find.settings.forward = {"info@host.example bob@host.example", "a@host.example b@host.example",
                           "b@host.example a@host.example", "out@host.example x@elsewhere.example",
                           "any@elsewhere.example bob@host.example"};
  find.users["sales"] = "bob@host.example";
  find.users["loop"] = "loop@host.example";
  find.users["gone"] = "x@elsewhere.example";
  CHECK(find("INFO", "host.example") == "/var/mail/bob");
  CHECK(find("any", "elsewhere.example") == "/var/mail/bob");
  CHECK(find("sales", "host.example") == "/var/mail/bob");
  CHECK(find("a", "host.example") == "550 5.4.6");  // S27
  CHECK(find("loop", "host.example") == "550 5.4.6");
  CHECK(find("out", "host.example") == "550 5.7.1");
  CHECK(find("gone", "host.example") == "550 5.7.1");
}

TEST_CASE("mail for an account on another host") {
  conf::Settings settings;
  settings.host_domain = {"host.example"};
  settings.drop_path = "/var/mail";
  settings.authent_method = "external";
  settings.remote_accounts = "proxy";
  settings.remote_host = {"mail2 192.0.2.2 lmtp=2424/none"};
  std::string label = "mail2", user;
  auto lookup = [&](const account::Name& name) {
    auth::Answer answer;
    answer.kind = name.user == "ann" ? auth::Answer::Kind::Ok : auth::Answer::Kind::No;
    answer.labels = {{"host", label}};
    if (!user.empty()) answer.labels.emplace_back("host_user", user);
    return answer;
  };
  auto find = [&](const std::string& local, bool passed_on = false) {
    return RecipientFinder(settings, lookup, passed_on)
        .find(local, "host.example", local + "@host.example");
  };
  auto code = [](const std::variant<Recipient, RecipientRefused>& found) {
    const auto* refused = std::get_if<RecipientRefused>(&found);
    return refused == nullptr ? 250 : refused->reply.code;
  };
  auto found = find("ann+work");
  REQUIRE(code(found) == 250);
  const auto& recipient = std::get<Recipient>(found);
  REQUIRE(recipient.host);
  CHECK(recipient.host->port == 2424);
  CHECK(recipient.target == "ann+work@host.example");
  CHECK(code(find("bob")) == 550);
  user = "a.smith";
  CHECK(std::get<Recipient>(find("ann")).target == "a.smith@host.example");
  // Handed to us because the mail is here: no further.
  CHECK(code(find("ann", true)) == 450);
  label = "unknown";
  CHECK(code(find("ann")) == 450);
  label = "mail2";
  settings.remote_delivery = "refuse";
  CHECK(code(find("ann")) == 551);
  settings.remote_accounts = "none";
  found = find("ann");
  REQUIRE(code(found) == 250);
  CHECK(!std::get<Recipient>(found).host);
}

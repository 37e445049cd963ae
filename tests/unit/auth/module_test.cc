// Modules that behave, and modules that don't: only a whole, single, timely answer counts.
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "auth/authenticator.h"
#include "auth/helper.h"
#include "base/text.h"
#include "io/clock.h"
#include "scratch.h"

using namespace dmail;
using namespace dmail::auth;
using Kind = Answer::Kind;

namespace {

account::Name named(std::string_view user) {
  account::Name n;
  n.user = n.auth_name = user;
  return n;
}

struct Site {
  Scratch scratch;
  conf::Settings settings;
  Options options;

  explicit Site(const std::string& body = "", int timeout = 5) {
    settings.authent_method = "external";
    settings.authent_process = scratch.script(body) + " one two";
    settings.authent_timeout = timeout;
    options.module_uid = 65534;
    options.module_gid = 65534;
    options.client_ip = "10.0.0.1";
  }
  Answer check(std::string_view password = "secret", std::string_view user = "bob") {
    return make_authenticator(settings, options)->check(named(user), password);
  }
  Answer lookup(std::string_view user = "bob") {
    return make_authenticator(settings, options)->lookup(named(user));
  }
};

bool no_children() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

}  // namespace

TEST_CASE("a module that behaves") {
  Site s(R"(while read -r verb user pass; do
    if [ "$verb" = lookup ] || [ "$pass" = 'se cret"' ]; then echo "+OK $user config 0 quota=\"9\""
    else echo "-ERR $user no"; fi; done)");
  CHECK(s.check("se cret\"").ok());
  CHECK(s.check("se cret\"").facts.quota_kb == 9u);
  CHECK(s.check("wrong").kind == Kind::No);
  auto a = make_authenticator(s.settings, s.options);
  for (int i = 0; i < 3; ++i) CHECK(a->lookup(named("bob")).ok());
  CHECK(a->check(named("bob"), "x").kind == Kind::No);
  CHECK(a->check(named("bob"), "se cret\"").ok());
  CHECK(a->lookup(named("bob")).ok());
  a.reset();
  CHECK(no_children());
}

TEST_CASE("imapd may have a module of its own; passwords are folded on demand") {
  Site s("read -r l; echo '-ERR general'");
  const std::string own = s.scratch.file(
      "own", "#!/bin/sh\nread -r v u p; [ $p = abc ] && echo +OK $u config 0\n", 0755);
  s.settings.imapd_authent_process = own;
  s.settings.lowercase_password = true;
  CHECK(s.check("ABC").ok());
  s.options.service = account::Service::Pop;
  CHECK(s.check("ABC").text == "general");
}

TEST_CASE("a child sees its environment, three descriptors and no more") {
  ::setenv("DMAIL_SECRET", "x", 1);
  Site s(R"(read -r l; n=$(ls /proc/self/fd | wc -l)
    echo "+OK bob config 0 n=\"$n\" s=\"$DMAIL_SERVICE\" ip=\"$DMAIL_CLIENT_IP\" x=\"$DMAIL_SECRET\" u=\"$(id -u)\" g=\"$(id -G)\" args=\"$*\"")");
  const int leak = ::dup(0);
  const Answer a = s.lookup();
  ::close(leak);
  INFO(a.text);
  REQUIRE(a.ok());
  CHECK(*a.label("n") == "4");  // 0, 1, 2 and the directory ls reads
  CHECK(*a.label("s") == "imap");
  CHECK(*a.label("ip") == "10.0.0.1");
  CHECK(*a.label("x") == "");
  CHECK(*a.label("args") == "one two");
  if (::geteuid() == 0) {
    CHECK(*a.label("u") == "65534");
    CHECK(*a.label("g") == "65534");
    s.settings.module_user = "mods";
    s.settings.mail_user = "mail";
    // Never as root, nor as the mail user; whichever way it is reached.
    for (const std::string& process : {s.settings.authent_process, std::string("unix:/nowhere")}) {
      s.settings.authent_process = process;
      s.options.module_uid = 0;
      s.options.mail_uid = 65533;
      CHECK(s.lookup().kind == Kind::Dead);
      CHECK(s.lookup().text.find("module_user mods: no such account") == 0);
      s.options.module_uid = 65533;
      CHECK(s.check().kind == Kind::Dead);
      CHECK(s.lookup().text ==
            "module_user mods has the uid of mail_user mail, 65533: it must be "
            "an account of its own");
    }
  }
}

TEST_CASE("helpers that die, sleep, lie or talk too much are Dead") {
  for (const char* body :
       {"exit 0", "exit 1", "kill -9 $$", "read -r l; kill -9 $$",
        "read -r l; printf '+OK bob config'; exit",
        "read -r l; printf '+OK bob\\n+OK bob\\n'; exec sleep 5",
        "read -r l; printf -- '-ERR no\\n+OK bob\\n'; exec sleep 5",
        "printf '+OK bob\\n+OK bob\\n'; read -r l; exec sleep 5",
        "read -r l; echo +OK alice config 0",
        "read -r l; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo +OK bob",
        "read -r l; yes +DATA bob", "read -r l; echo -DEAD database down; exec sleep 5",
        "read -r l; echo; exec sleep 5", "read -r l; echo garbage; exec sleep 5"}) {
    Site s(body);
    INFO(body);
    const int64_t start = monotonic_ms();
    CHECK(s.check().kind == Kind::Dead);
    CHECK(monotonic_ms() - start < 50000);
    CHECK(no_children());
  }
}

TEST_CASE("a second, late No is not the answer to the next lookup") {
  Site s(R"(while read -r verb user; do
    case $user in bob) echo "+OK $user config 0";; *) echo "-ERR $user"; sleep 0.001; echo "-ERR $user";; esac; done)");
  auto a = make_authenticator(s.settings, s.options);
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(a->lookup(named("ghost")).ok());
    CHECK(a->lookup(named("bob")).kind != Kind::No);
  }
  // A module that says No once and no more is asked in vain twice, and believed.
  Site good(R"(while read -r verb user; do
    [ "$user" = bob ] && echo "+OK $user config 0" || echo "-ERR $user"; done)");
  auto b = make_authenticator(good.settings, good.options);
  CHECK(b->lookup(named("bob")).ok());
  CHECK(b->lookup(named("ghost")).kind == Kind::No);
  CHECK(b->lookup(named("bob")).ok());
}

TEST_CASE("a module that does not answer costs authent_timeout and is killed") {
  for (const char* body :
       {"exec sleep 60", "trap '' TERM; while :; do sleep 1; done", "exec >&-; exec sleep 60"}) {
    Site s(body, 1);
    INFO(body);
    const int64_t start = monotonic_ms();
    CHECK(s.check().kind == Kind::Dead);
    CHECK(monotonic_ms() - start < 50000);
    CHECK(no_children());
  }
}

TEST_CASE("an end is told from a pause, and what came before a pause is kept") {
  const Scratch scratch;
  HelperCommand command;
  command.words = {scratch.script("printf '+OK b'; sleep 1; echo ob; printf '+OK'")};
  command.environment = {"PATH=/usr/bin:/bin"};
  auto helper = Helper::start(command);
  REQUIRE(helper);
  int pauses = 0;
  Result<std::string> line = (*helper)->read_line(Deadline::in_ms(20));
  for (; !line && line.error().kind == ErrorKind::TryLater && pauses < 500; ++pauses)
    line = (*helper)->read_line(Deadline::in_ms(20));
  REQUIRE(line);
  CHECK(*line == "+OK bob");
  CHECK(pauses > 0);
  line = (*helper)->read_line(Deadline::in_seconds(5));
  REQUIRE_FALSE(line);
  CHECK(line.error().kind == ErrorKind::Io);
}

TEST_CASE("programs that cannot be run are Dead, with the reason") {
  Site s;
  for (const char* process : {"/nonexistent/module", "relative", "", "/etc/passwd", "/tmp",
                              "unix:/nonexistent/s", "unix:", "unix:relative"}) {
    s.settings.authent_process = process;
    INFO(process);
    const Answer a = s.check();
    CHECK(a.kind == Kind::Dead);
    CHECK_FALSE(a.text.empty());
  }
  s.settings.authent_method = "nt_user";
  CHECK(s.check().kind == Kind::Dead);
  s.settings.authent_method = "unix_user";
  s.settings.unix_uid_minimum = 500;
  s.options.libexec = s.scratch / ".";
  s.scratch.file("unixauth", "#!/bin/sh\nread -r l; echo \"-ERR $*\"\n", 0755);
  CHECK(s.check().text == "-minuid 500 -maxuid 60000 -pamonly login");
  // A login without the password asks for the account's rules, and mail does not.
  s.scratch.file("unixauth", "#!/bin/sh\nread -r v u; echo \"-ERR asked $v\"\n", 0755);
  CHECK(make_authenticator(s.settings, s.options)->may_log_in(named("bob")).text ==
        "asked account");
  CHECK(s.lookup().text == "asked lookup");
  s.options.libexec = "/nonexistent";
  CHECK(s.check().kind == Kind::Dead);
}

TEST_CASE("external modules are asked lookup for a login without the password") {
  Site s("while read -r v u p; do echo \"+OK $u config 0 asked=\\\"$v\\\"\"; done");
  const auto answer = make_authenticator(s.settings, s.options)->may_log_in(named("bob"));
  REQUIRE(answer.label("asked"));
  CHECK(*answer.label("asked") == "lookup");
}

TEST_CASE("an external module that has account rules is asked for them") {
  Site s(R"(while read -r v u p; do case $v$u in
      lookupplain) echo "+OK $u config 0";;
      lookupalias) echo "+OK $u config 0 account=\"bob\"";;
      lookup*) echo "+OK $u config 0 quota=\"9\" account_rules=\"yes\"";;
      accountbob) echo "+OK $u config 0";;
      accountgone) echo "-ERR $u expired";;
      accountdown) echo "-DEAD no answer";;
      *) echo "-ERR unknown command";; esac; done)");
  const auto may = [&](std::string_view user) {
    return make_authenticator(s.settings, s.options)->may_log_in(named(user));
  };
  CHECK(may("plain").ok());
  CHECK(may("bob").ok());
  CHECK(may("bob").facts.quota_kb == 9u);
  CHECK(may("gone").kind == Kind::No);
  CHECK(may("gone").text.find("expired") != std::string::npos);
  CHECK(may("down").kind == Kind::Dead);
  CHECK(may("alias").ok());  // asked about bob
  CHECK(may("alias").facts.quota_kb == 9u);
  // Mail comes all the same, and so do logins with the password.
  CHECK(s.lookup("gone").ok());
}

TEST_CASE("hostile names and passwords are No without asking anybody") {
  Site s("while read -r v u p; do echo \"+OK $u config 0\"; done");
  CHECK(s.check("x").ok());
  for (std::string_view password : {std::string_view(""), std::string_view("a\nlookup root"),
                                    std::string_view("a\r"), std::string_view("a\0b", 3)})
    CHECK(s.check(password).kind == Kind::No);
  CHECK(s.check(std::string(kMaxPassword + 1, 'a')).kind == Kind::No);
  CHECK(s.check(std::string(kMaxPassword, 'a')).ok());
  for (std::string_view user :
       {std::string_view(""), std::string_view("a b"), std::string_view("bob\nset")})
    CHECK(s.check("x", user).kind == Kind::No);
}

TEST_CASE("an alias counts only as a name of the same account") {
  Site s(R"(while read -r verb user rest; do
    [ "$verb $rest" = "check wrong" ] && echo "-ERR no" && continue
    case $user in
      bob) echo "+OK bob config 0";;
      robert) echo "+OK robert config 0 account=\"Bob\"";;
      rs) echo "+OK rs config 0 account=\"bob@example.com\"";;
      elsewhere) echo "+OK elsewhere config 0 account=\"bob@example.org\"";;
      moved) echo "+OK moved /other/place 0 account=\"bob\"";;
      eve) echo "+OK eve config 0";;
      dead) echo "-DEAD";;
      *) echo "-ERR no";; esac; done)");
  auto ask = [&](const std::string& alias, const std::string& user = "bob",
                 const std::string& password = "secret") {
    account::Name name = named(user);
    name.domain = "example.com";
    name.alias = name.alias_auth_name = alias;
    auto a = make_authenticator(s.settings, s.options);
    CHECK(a->lookup(name).kind ==
          (password == "wrong" ? a->lookup(name).kind : a->check(name, password).kind));
    return a->check(name, password).kind;
  };
  CHECK(s.lookup("robert").facts.account == "Bob");
  CHECK(ask("robert") == Kind::Ok);
  CHECK(ask("rs") == Kind::Ok);
  CHECK(ask("bob", "robert") == Kind::Ok);
  CHECK(ask("rs", "robert") == Kind::Ok);
  CHECK(ask("eve") == Kind::No);
  CHECK(ask("bob", "eve") == Kind::No);
  CHECK(ask("elsewhere") == Kind::No);
  CHECK(ask("moved") == Kind::No);
  CHECK(ask("nobody") == Kind::No);
  CHECK(ask("a b") == Kind::No);
  CHECK(ask("dead") == Kind::Dead);
  CHECK(ask("robert", "bob", "wrong") == Kind::No);
}

TEST_CASE("of an account's other name only the account's own facts count") {
  Site s(R"(while read -r verb user rest; do
    [ "$verb $rest" = "check wrong" ] && echo "-ERR no" && continue
    case $user in
      bob) echo "+OK bob config 1001 gid=\"100\" quota=\"5\" imap=\"no\"";;
      robert) echo "+OK robert config 7 account=\"bob\" quota=\"9\" imap=\"yes\" fwd=\"x@y\"";;
      self) echo "+OK self config 0 account=\"SELF\" quota=\"3\"";;
      orphan) echo "+OK orphan config 0 account=\"gone\"";;
      second) echo "+OK second config 0 account=\"robert\"";;
      odd) echo "+OK odd config 0 account=\"a b\"";;
      sick) echo "+OK sick config 0 account=\"dead\"";;
      dead) echo "-DEAD";;
      *) echo "-ERR no";; esac; done)");
  for (const Answer& a : {s.lookup("robert"), s.check("pw", "robert")}) {
    REQUIRE(a.ok());
    CHECK(a.facts.account == "bob");
    CHECK(a.facts.uid == 1001u);
    CHECK(a.facts.gid == 100u);
    CHECK(a.facts.quota_kb == 5u);
    CHECK(*a.label("imap") == "no");
    CHECK(*a.label("fwd") == "x@y");
  }
  CHECK(s.check("wrong", "robert").kind == Kind::No);
  CHECK(s.lookup("self").facts.quota_kb == 3u);
  CHECK(s.lookup("orphan").kind == Kind::No);
  CHECK(s.check("pw", "orphan").kind == Kind::No);
  CHECK(s.lookup("second").kind == Kind::Dead);
  CHECK(s.lookup("odd").kind == Kind::No);
  CHECK(s.lookup("sick").kind == Kind::Dead);
}

TEST_CASE("an account of a domain with a password file is looked for there") {
  Site s(
      R"(while read -r verb user rest; do echo "+OK $user config 0 account=\"bob@virtual.org\""; done)");
  s.settings.host_domain = {"example.com"};
  s.settings.vdomain = {"v @virtual.org virtual.org /var/virtual"};
  for (const auto& [line, there] : {std::pair("ann:x:0:0\n", false), {"bob:x:0:0\n", true}}) {
    s.settings.vdomain_passwd = {concat("virtual.org ", s.scratch.file("passwd", line))};
    CHECK(s.lookup("bob").ok() == there);
    CHECK(s.check("pw", "bob").ok() == there);
  }
}

TEST_CASE("a module may say much before its answer, but not without end") {
  // Lines of 16 octets: half of kMaxReplyTotal, and one line more than it.
  for (const auto& [octets, heard] : {std::pair("524288", true), {"1048592", false}}) {
    Site s(concat("read -r line; yes '+DATA 012345678' | head -c ", octets,
                  R"(; echo "+OK bob config 0")"),
           60);
    CHECK(s.check().ok() == heard);
    CHECK(s.lookup().ok() == heard);
  }
}

TEST_CASE("a password is never asked about in a conversation that had another question") {
  // Whatever comes second gets a Yes, as when the answer before it came twice, the second time
  // late.
  Site s(R"(n=0; while read -r verb user pass; do n=$((n + 1))
    if [ $n -gt 1 ] || [ "$verb" = lookup ]; then echo "+OK $user config 0"
    else echo "-ERR $user no"; fi; done)");
  auto a = make_authenticator(s.settings, s.options);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(a->lookup(named("bob")).ok());
    CHECK(a->check(named("bob"), "wrong").kind == Kind::No);
    CHECK(a->check(named("bob"), "wrong").kind == Kind::No);
  }
}

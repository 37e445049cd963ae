// Keys of a user in a module's answer: whole or not at all, and nowhere but in answers to `secret`.
#include "auth/secret.h"

#include <catch2/catch.hpp>

#include "auth/authenticator.h"
#include "auth/reply.h"
#include "base/text.h"
#include "scratch.h"

using namespace dmail;
using namespace dmail::auth;
using Kind = Answer::Kind;

namespace {

// RFC 5802 section 5 and RFC 7677 section 3: user "user", password "pencil".
constexpr char kSha1[] =
    "4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=";
constexpr char kSha256[] =
    "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

Answer parsed(std::string_view labels) {
  return parse_secret_reply(concat("+OK bob config 0 ", labels), "bob").answer;
}
bool good(std::string_view name, std::string_view value) {
  return parsed(concat(name, "=\"", value, '"')).ok();
}

}  // namespace

TEST_CASE("the labels of secret, decoded") {
  const Answer a = parsed(concat("quota=\"5\" scram-sha-1=\"", kSha1, "\" SCRAM-SHA-256=\"",
                                 kSha256, "\" password64=\"c2UgY3JldA==\" ",
                                 "digest-md5=\"0123456789abcdefABCDEF0123456789\""));
  REQUIRE(a.ok());
  CHECK(a.labels.size() == 4);  // the quota is not the exchange's affair
  CHECK_FALSE(a.label("quota"));
  const Result<Secrets> s = secrets_of(a.labels);
  REQUIRE(s);
  CHECK(s->scram_sha_1->iterations == 4096);
  CHECK(s->scram_sha_1->stored_key.size() == 20);
  CHECK(s->scram_sha_256->salt.size() == 16);
  CHECK(s->scram_sha_256->server_key.size() == 32);
  CHECK(*s->password == "se cret");
  CHECK(*s->digest_md5 == "0123456789abcdefabcdef0123456789");
}

TEST_CASE("malformed keys are Dead, none is No") {
  CHECK(good("scram-sha-1", kSha1));
  CHECK(good("scram-sha-256", kSha256));
  CHECK(parsed("quota=\"5\"").kind == Kind::No);
  CHECK(parsed("").kind == Kind::No);
  CHECK(parse_secret_reply("-ERR unknown command", "bob").answer.kind == Kind::No);
  CHECK(parse_secret_reply("-DEAD", "bob").answer.kind == Kind::Dead);
  CHECK_FALSE(parse_secret_reply("+DATA", "bob").final);
  CHECK(parse_secret_reply("+OK alice config 0 password64=\"YQ==\"", "bob").answer.kind ==
        Kind::Dead);
  auto is_dead = [](std::string_view name, std::string_view value) {
    const Answer a = parsed(concat(name, "=\"", value, '"'));
    return a.kind == Kind::Dead && a.labels.empty();
  };
  for (std::string_view value : {"", "QQ", "!!!!", "AGE=", "=", "YQ= ="})
    CHECK(is_dead("password64", value));
  CHECK(is_dead("password64", std::string(1372, 'Q')));  // 1029 bytes
  for (std::string_view value :
       {"", "x", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdefa",
        "0123456789abcdef0123456789abcdeg"})
    CHECK(is_dead("digest-md5", value));
  CHECK(is_dead("scram-sha-1", kSha256));
  CHECK(is_dead("scram-sha-256", kSha1));
  const std::string keys = std::string(kSha1).substr(4);
  CHECK(good("scram-sha-1", "1000" + keys));
  CHECK(good("scram-sha-1", "1000000" + keys));
  for (std::string_view count : {"", "0", "-1", "999", "1000001", "4096x", "99999999999999"})
    CHECK(is_dead("scram-sha-1", concat(count, keys)));
  CHECK(is_dead("scram-sha-1", concat(kSha1, ",YQ==")));
  CHECK(is_dead("scram-sha-1", "4096"));
  CHECK(is_dead("scram-sha-1", "4096,,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE="));
  CHECK(parsed("password64=\"YQ==\" password64=\"Yg==\"").kind == Kind::Dead);
}

TEST_CASE("check and lookup show no keys") {
  const Answer a =
      parse_reply("+OK bob config 0 password64=\"YQ==\" quota=\"5\" Digest-MD5=\"x\"", "bob")
          .answer;
  REQUIRE(a.ok());
  CHECK(a.labels.size() == 1);
  CHECK(a.facts.quota_kb == 5u);
}

TEST_CASE("mechanisms and tokens that can be asked about") {
  for (std::string_view name : {"APOP", "SCRAM-SHA-256-PLUS", "X_1"}) CHECK(valid_mechanism(name));
  for (std::string_view name : {"", "cram-md5", "A B", "A\nB", "ABCDEFGHIJKLMNOPQRSTU"})
    CHECK_FALSE(valid_mechanism(name));
  CHECK(sendable_token("eyJhbGciOi.J9-_~+/="));
  CHECK(sendable_token(std::string(kMaxToken, 'x')));
  CHECK_FALSE(sendable_token(std::string(kMaxToken + 1, 'x')));
  for (std::string_view bad : {"", "a b", "a\nb", "a\tb", "\xc3\xa9"})
    CHECK_FALSE(sendable_token(bad));
}

TEST_CASE("a module is asked for keys and tokens, and an old one has none") {
  Scratch scratch;
  conf::Settings settings;
  settings.authent_method = "external";
  settings.authent_timeout = 5;
  Options options;
  options.module_uid = options.module_gid = 65534;
  account::Name bob;
  bob.user = bob.auth_name = "bob";
  settings.authent_process = scratch.script(R"(while read -r verb user rest; do
    case "$verb $rest" in
      'secret CRAM-MD5') echo "+OK $user config 0 password64=\"c2VjcmV0\"";;
      'token abc.def') echo "+OK $user config 0 quota=\"7\"";;
      *) echo '-ERR unknown command';; esac; done)");
  auto a = make_authenticator(settings, options);
  Answer keys = a->secret(bob, "CRAM-MD5");
  REQUIRE(keys.ok());
  CHECK(*keys.label("password64") == "c2VjcmV0");
  wipe_labels(keys.labels);
  CHECK(keys.labels.empty());
  CHECK(a->secret(bob, "APOP").kind == Kind::No);
  CHECK(a->token(bob, "abc.def").facts.quota_kb == 7u);
  CHECK(a->token(bob, "abc").kind == Kind::No);
  CHECK(a->lookup(bob).kind == Kind::No);
  CHECK(a->secret(bob, "CRAM-MD5\nlookup").kind == Kind::No);
  CHECK(a->token(bob, "a\nb").text == "user or token cannot be asked about");
  // Somebody else's keys, more than one answer, no answer.
  for (const char* body :
       {"read -r l; echo '+OK alice config 0 password64=\"YQ==\"'", "exit 0",
        "read -r l; printf '+OK bob config 0 password64=\"YQ==\"\\n+OK bob\\n'; exec sleep 5"}) {
    settings.authent_process = scratch.script(body);
    CHECK(make_authenticator(settings, options)->secret(bob, "APOP").kind == Kind::Dead);
    CHECK(make_authenticator(settings, options)->token(bob, "x").kind == Kind::Dead);
  }
  // Where only hashes are kept nobody is asked.
  settings.authent_method = "unix_user";
  options.libexec = "/nonexistent";
  CHECK(make_authenticator(settings, options)->secret(bob, "APOP").kind == Kind::No);
  CHECK(make_authenticator(settings, options)->token(bob, "x").kind == Kind::No);
  settings.authent_method = "external";
  bob.passwd_file = "/nonexistent";
  CHECK(make_authenticator(settings, options)->secret(bob, "APOP").kind == Kind::No);
  CHECK(make_authenticator(settings, options)->token(bob, "x").kind == Kind::No);
}

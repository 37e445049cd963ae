#include "tools/nwauth/record.h"

#include <catch2/catch.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "tools/nwauth/secret.h"

using namespace dmail;
using namespace dmail::nwauth;

TEST_CASE("records come back as they were, unknown fields included") {
  Record r;
  r.created = 1700000000;
  r.crypt = "$y$j9T$x$y";
  r.scram = {"scram-sha-1 4096 a b c"};
  r.set_label("Quota", "200");
  r.set_label("fwd", "a b=c");
  r.other = {"later field"};
  auto back = parse_record(serialise(r));
  REQUIRE(back);
  CHECK(back->created == r.created);
  CHECK(back->crypt == r.crypt);
  CHECK(back->scram == r.scram);
  CHECK(back->labels == r.labels);
  CHECK(back->other == r.other);
  CHECK(back->labels[0].first == "quota");
  back->set_label("QUOTA", "");
  CHECK(back->labels.size() == 1);
  for (const char* bad :
       {"", "nwauth 3\n", "x", "nwauth 1\ncreated x\n", "nwauth 1\nlabel a\"b c\n"})
    CHECK(parse_record(bad).error().kind == ErrorKind::Corrupt);
}

TEST_CASE("a record with a readable password is not for programs that do not know of it") {
  Record r;
  CHECK(serialise(r).starts_with("nwauth 1\n"));
  r.plain = "two words\xc3\xa9";
  r.digest = "0123456789abcdef0123456789abcdef";
  r.digest_realm = "a realm";
  const std::string bytes = serialise(r);
  CHECK(bytes.starts_with("nwauth 2\n"));
  CHECK(bytes.find("two words") == std::string::npos);  // nobody reads it over a shoulder
  auto back = parse_record(bytes);
  REQUIRE(back);
  CHECK(back->plain == r.plain);
  CHECK(back->digest == r.digest);
  CHECK(back->digest_realm == r.digest_realm);
  CHECK(back->other.empty());
  back->plain.clear();
  back->digest.clear();
  CHECK(serialise(*back).starts_with("nwauth 1\n"));
  CHECK_FALSE(parse_record("nwauth 2\nplain !\n"));
  CHECK_FALSE(parse_record("nwauth 2\nplain \n"));
}

TEST_CASE("DIGEST-MD5 keys") {
  // RFC 2831 section 4: its A1 starts with this.
  CHECK(digest_md5("chris", "elwood.innosoft.com", "secret") == "eb5a750053e4d2c34aa84bbc9b0b6ee7");
  CHECK(digest_md5("b\xc3\xb6", "r", "\xc3\xa9") == digest_md5("b\xf6", "r", "\xe9"));
  CHECK(digest_md5("b", "r", "\xe2\x82\xac\xc3\xa9") != digest_md5("b", "r", "\xe2\x82\xac\xe9"));
}

TEST_CASE("labels") {
  CHECK(valid_label("fwd", "a@b.c d"));
  CHECK(valid_label("fwd", ""));
  CHECK_FALSE(valid_label("", "x"));
  CHECK_FALSE(valid_label("a b", "x"));
  CHECK_FALSE(valid_label("a=b", "x"));
  CHECK_FALSE(valid_label("a", "\""));
  CHECK_FALSE(valid_label("a", "x\ny"));
  CHECK_FALSE(valid_label("a", std::string(kMaxLabelValue + 1, 'x')));
}

TEST_CASE("hashes fit their password alone") {
  for (HashKind kind : {HashKind::Yescrypt, HashKind::Sha512}) {
    auto hash = new_hash("secret", kind);
    REQUIRE(hash);
    CHECK(hash->starts_with(kind == HashKind::Yescrypt ? "$y$" : "$6$"));
    CHECK(fits("secret", *hash));
    CHECK_FALSE(fits("Secret", *hash));
    CHECK_FALSE(fits("", *hash));
    CHECK(*new_hash("secret", kind) != *hash);  // salted
  }
  CHECK_FALSE(fits("x", ""));
  CHECK_FALSE(fits("x", "*0*0*0*0*0*0*0"));
}

TEST_CASE("SCRAM keys are made for what SASLprep leaves alone") {
  auto keys = scram_keys("pencil", 4096);
  REQUIRE(keys);
  REQUIRE(keys->size() == 2);
  CHECK((*keys)[0].starts_with("scram-sha-1 4096 "));
  CHECK((*keys)[1].starts_with("scram-sha-256 4096 "));
  // The salt and password of RFC 5802 section 5; its server signature follows from these keys.
  const std::string salt = *base64_decode("QSXCR+Q6sek8bf92");
  CHECK(*scram_line("scram-sha-1", "pencil", salt, 4096) ==
        "scram-sha-1 4096 QSXCR+Q6sek8bf92 6dlGYMOdZcOPutkcNY8U2g7vK9Y= "
        "D+CSWLOshSulAsxiupA+qs2/fTE=");
  CHECK(*scram_line("scram-sha-256", "pencil", salt, 4096) ==
        "scram-sha-256 4096 QSXCR+Q6sek8bf92 FO+9jBb3MUukt6jJnzjPZOWc5ow/Pu6JtPyju0aqaE8= "
        "qxJ1SbmSAi5EcS0J5Ck/cKAm/+Ixa+Kwp63f4OHDgzo=");
}

TEST_CASE("SCRAM keys are made of what SASLprep makes of a password") {
  auto same = [](std::string_view a, std::string_view b) {
    auto keys = scram_keys(a, 4096);
    REQUIRE(keys->size() == 2);
    std::string_view line = (*keys)[0];
    take_until(line, ' ');
    take_until(line, ' ');
    return *scram_line("scram-sha-1", b, *base64_decode(take_until(line, ' ')), 4096) == (*keys)[0];
  };
  CHECK(same("caf\xc3\xa9", "caf\xc3\xa9"));
  CHECK(same("cafe\xcc\x81", "caf\xc3\xa9"));  // composed
  CHECK(same("I\xc2\xadX", "IX"));             // RFC 4013 section 3
  CHECK(same("\xc2\xaa", "a"));
  CHECK(same("\xe2\x85\xa8", "IX"));
  CHECK(
      same("a\xc2\xa0"
           "b",
           "a b"));
  CHECK_FALSE(same("caf\xc3\xa9", "cafe"));
  for (const char* forbidden : {"caf\xe9", "\x07", "\xd8\xa7\x31", "\xc3", "a\xef\xbf\xbf"})
    CHECK(scram_keys(forbidden, 4096)->empty());
}

#include "tools/nwauth/record.h"

#include <catch2/catch.hpp>

#include "base/base64.h"
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
       {"", "nwauth 2\n", "x", "nwauth 1\ncreated x\n", "nwauth 1\nlabel a\"b c\n"})
    CHECK(parse_record(bad).error().kind == ErrorKind::Corrupt);
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
  CHECK(scram_keys("caf\xc3\xa9", 4096)->empty());
}

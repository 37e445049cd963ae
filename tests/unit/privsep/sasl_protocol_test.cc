#include "privsep/sasl_protocol.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "io/file.h"

using namespace dmail;
using namespace dmail::privsep;

namespace {
SaslBegin example() {
  SaslBegin b;
  b.service = "imap";
  b.host = "mail.example";
  b.realm = "example";
  b.mechanism = "SCRAM-SHA-256-PLUS";
  b.has_initial = true;
  b.initial = std::string("a\0b", 3);
  b.tls_exporter = std::string(32, '\xff');
  b.tls_unique = std::string(12, '\0');
  b.plus_offered = true;
  b.proof = "proof";
  b.tls_stamp = "stamp";
  b.apop_stamp = "<1@x>";
  b.client_ip = "::1";
  b.kerberos_realm = "EXAMPLE";
  b.decoy_key = std::string(kDecoyKeySize, 'k');
  return b;
}
}  // namespace

TEST_CASE("a begin frame comes back as it was") {
  const auto back = sasl_begin_of(frame_of(example()));
  REQUIRE(back);
  CHECK(frame_of(*back).fields == frame_of(example()).fields);
  CHECK(back->initial.size() == 3);
  CHECK(back->has_initial);
  CHECK(back->plus_offered);
}

TEST_CASE("begin frames with a fault") {
  auto broken = [](size_t field, std::string value) {
    Frame frame = frame_of(example());
    frame.fields[field] = std::move(value);
    return !sasl_begin_of(frame).ok();
  };
  CHECK(broken(0, "ldap"));
  CHECK(broken(1, std::string(kMaxExchangeText + 1, 'h')));
  CHECK(broken(4, ""));
  CHECK(broken(4, "2"));
  CHECK(broken(5, std::string(kMaxSaslMessage + 1, 'x')));
  CHECK_FALSE(broken(5, std::string(kMaxSaslMessage, 'x')));
  CHECK(broken(6, std::string(kMaxBinding + 1, 'x')));
  CHECK(broken(8, "yes"));
  CHECK(broken(9, std::string(kMaxProof + 1, 'x')));
  CHECK(broken(14, "short"));
  Frame frame = frame_of(example());
  frame.fields.emplace_back();
  CHECK_FALSE(sasl_begin_of(frame));
  CHECK_FALSE(sasl_begin_of(Frame(kExchangeBegin)));
  frame = frame_of(example());
  frame.type = kExchangeStep;
  CHECK_FALSE(sasl_begin_of(frame));
  // The largest that is permitted fits into a packet.
  SaslBegin large = example();
  large.initial.assign(kMaxSaslMessage, 'x');
  large.proof.assign(kMaxProof, 'x');
  CHECK(encode_frame(frame_of(large)));
}

TEST_CASE("the answer about secrets") {
  auth::Answer answer;
  answer.kind = auth::Answer::Kind::Ok;
  answer.labels = {{"password64", "YQ=="}, {"digest-md5", "x"}};
  auto back = secret_of(secret_frame(answer, "bob"));
  REQUIRE(back);
  CHECK(back->kind == auth::Answer::Kind::Ok);
  CHECK(back->account == "bob");
  CHECK(back->labels == answer.labels);
  for (auto kind : {auth::Answer::Kind::No, auth::Answer::Kind::Dead}) {
    answer.kind = kind;
    const Frame frame = secret_frame(answer, "bob");
    CHECK(frame.fields.size() == 2);
    CHECK(secret_of(frame)->kind == kind);
  }
  CHECK_FALSE(secret_of(Frame(kExchangeSecret)));
  CHECK_FALSE(secret_of(Frame(kExchangeSecret, {"maybe", "bob"})));
  CHECK_FALSE(secret_of(Frame(kExchangeSecret, {"ok", "bob", "password64"})));
  CHECK_FALSE(secret_of(Frame(kExchangeStep, {"ok", "bob"})));
}

TEST_CASE("the host's decoy key is made once") {
  char name[] = "/tmp/dmail-decoy-XXXXXX";
  const std::string directory = ::mkdtemp(name);
  const std::string path = directory + "/sasl-decoy";
  const auto first = host_decoy_key(directory);
  REQUIRE(first);
  CHECK(first->size() == kDecoyKeySize);
  CHECK(*host_decoy_key(directory) == *first);
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  // Where work_path is the mail user's, he could put one there that he knows.
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  CHECK(host_decoy_key(directory).error().kind == ErrorKind::NoPermission);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  if (::geteuid() == 0) {
    REQUIRE(::chown(path.c_str(), 65532, 0) == 0);
    CHECK(host_decoy_key(directory).error().kind == ErrorKind::NoPermission);
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  }
  REQUIRE(::truncate(path.c_str(), 5) == 0);
  CHECK(host_decoy_key(directory).error().kind == ErrorKind::Corrupt);
  REQUIRE(::unlink(path.c_str()) == 0);
  REQUIRE(::symlink("/dev/zero", path.c_str()) == 0);
  CHECK_FALSE(host_decoy_key(directory));
  CHECK(::unlink(path.c_str()) == 0);
  CHECK(*host_decoy_key(directory) != *first);
  CHECK(::unlink(path.c_str()) == 0);
  CHECK(::rmdir(directory.c_str()) == 0);  // and nothing else was left there
  CHECK_FALSE(host_decoy_key(directory));
}

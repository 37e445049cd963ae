// EXTERNAL with the record of a real handshake, as dmsasl-external takes it.
#include <optional>

#include "../tls/fixture.h"
#include "client.h"
#include "tools/dmsasl/identity.h"

using namespace dmail;
using namespace dmail::dmsasl;

namespace {

struct World {
  tls_test::Identity authority = tls_test::issue({"authority", "ec", nullptr, nullptr, true});
  tls_test::Identity server = tls_test::issue({"mail.example"});
  tls_test::Identity person =
      tls_test::issue({"Person", "ec", "email:person@mail.example", "clientAuth"}, &authority);
  CertificateFiles files{server.pem(), authority.pem()};

  [[nodiscard]] privsep::SaslBegin begin() const {
    TlsConfig config = tls_test::config_of(server);
    config.client_ca_pem = authority.pem();
    config.stamp = tls_test::kStamp;
    tls_test::Client how;
    how.identity = &person;
    tls_test::Meeting meeting = tls_test::meet(std::move(config), how);
    REQUIRE(meeting.server);
    privsep::SaslBegin out = begin_of("EXTERNAL");
    out.proof = meeting.server->client_proof();
    out.tls_stamp = tls_test::kStamp;
    return out;
  }
};

}  // namespace

TEST_CASE("EXTERNAL believes a handshake, and nothing less") {
  const World world;
  Server server("EXTERNAL");
  server.begin = world.begin();
  server.certificate = certificate_identity(server.begin, world.files);
  const Outcome outcome = server.start("");
  CHECK(outcome.kind == OutcomeKind::Done);
  CHECK(outcome.user == "person@mail.example");

  auto refused = [&](auto change, CertificateFiles files, ErrorKind kind) {
    Server other("EXTERNAL");
    other.begin = world.begin();
    change(other.begin);
    other.certificate = certificate_identity(other.begin, files);
    CHECK(other.certificate.error().kind == kind);
    CHECK(other.start("").kind ==
          (kind == ErrorKind::Unsupported ? OutcomeKind::Unavailable : OutcomeKind::Wrong));
  };
  const CertificateFiles& good = world.files;
  using Begin = privsep::SaslBegin;
  const ErrorKind no = ErrorKind::NoPermission;
  refused([](Begin& b) { b.proof.clear(); }, good, no);
  refused([](Begin& b) { b.proof.resize(100); }, good, no);
  refused([](Begin& b) { b.tls_stamp = "<another connection's>"; }, good, no);
  refused([](Begin& b) { b.tls_stamp.clear(); }, good, no);
  refused([](Begin&) {}, {good.ours, good.ours}, no);            // not our CA's
  refused([](Begin&) {}, {good.client_ca, good.client_ca}, no);  // not made with us
  refused([](Begin&) {}, {good.ours, ""}, ErrorKind::Unsupported);
  refused([](Begin&) {}, {"", good.client_ca}, ErrorKind::Unsupported);
}

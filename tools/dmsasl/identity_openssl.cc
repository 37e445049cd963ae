#include "io/clock.h"
#include "io/tls_proof.h"
#include "tools/dmsasl/identity.h"

namespace dmail::dmsasl {

bool knows_certificates() { return true; }

Result<std::string> certificate_identity(const privsep::SaslBegin& begin,
                                         const CertificateFiles& files) {
  if (files.ours.empty() || files.client_ca.empty())
    return Error{ErrorKind::Unsupported, "", "no tls_client_ca or no certificate of ours"};
  if (begin.proof.empty() || begin.tls_stamp.empty())
    return Error{ErrorKind::NoPermission, "", "no client certificate"};
  ProofCheck check;
  check.proof = begin.proof;
  check.certificate_pem = files.ours;
  check.client_ca_pem = files.client_ca;
  check.stamp = begin.tls_stamp;
  check.now = wall_seconds();
  Result<ClientIdentity> identity = verify_proof(check);
  if (!identity) return std::move(identity.error());
  return std::move(identity->name);
}

}  // namespace dmail::dmsasl

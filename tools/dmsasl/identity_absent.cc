#include "tools/dmsasl/identity.h"

namespace dmail::dmsasl {

bool knows_certificates() { return false; }

Result<std::string> certificate_identity(const privsep::SaslBegin&, const CertificateFiles&) {
  return Error{ErrorKind::Unsupported, "", "dmsasl-external could not be started"};
}

}  // namespace dmail::dmsasl

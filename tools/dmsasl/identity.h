// Whom a client certificate belongs to: only dmsasl-external knows OpenSSL (identity_openssl.cc);
// dmsasl is linked without (identity_absent.cc) and starts it for EXTERNAL.
#pragma once

#include <string>

#include "base/result.h"
#include "privsep/sasl_protocol.h"

namespace dmail::dmsasl {

bool knows_certificates();

struct CertificateFiles {
  std::string ours, client_ca;  // PEM
};

// Unsupported: cannot be told here (not configured); NoPermission: no proof, or a wrong one.
Result<std::string> certificate_identity(const privsep::SaslBegin& begin,
                                         const CertificateFiles& files);

}  // namespace dmail::dmsasl

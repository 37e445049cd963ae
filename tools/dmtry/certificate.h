// A self-signed certificate for localhost, fit to be its own CA file.
#pragma once

#include <string>

#include "base/result.h"

namespace dmail::dmtry {

// Names: localhost, `domain`, 127.0.0.1 and ::1; EC P-256; 90 days.  The key file gets mode 0600.
Status write_certificate(const std::string& certificate, const std::string& key,
                         const std::string& domain);

}  // namespace dmail::dmtry

// The one directive of a DIGEST-MD5 response that GNU SASL leaves unchecked.
#pragma once

#include <string>
#include <string_view>

namespace dmail::dmsasl {

// The service part of digest-uri (RFC 2831 section 2.1.2) in lower case; empty when the response
// has none, has two, or its syntax is wrong before the end.
std::string service_of_digest_uri(std::string_view response);

}  // namespace dmail::dmsasl

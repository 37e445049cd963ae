// What CAPA says (RFC 2449), before and after login.  One line an item, CRLF after each.
#pragma once

#include <string_view>

namespace dmail::dpopd {

// Known in both states; the login program adds USER, SASL and STLS where they hold.
#define DPOPD_COMMON_CAPABILITIES                                                                \
  "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nIMPLEMENTATION " \
  "dmail\r\n"

inline constexpr std::string_view kSessionCapabilities = DPOPD_COMMON_CAPABILITIES;

}  // namespace dmail::dpopd

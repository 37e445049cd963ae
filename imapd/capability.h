// What imapd says it can do: one list for the login program and the session.
#pragma once

#include <string_view>

namespace dmail::imapd {

inline constexpr std::string_view kLoginCapabilities =
    "IMAP4rev1 LITERAL+ SASL-IR ID IDLE NAMESPACE UIDPLUS UNSELECT CHILDREN";

}  // namespace dmail::imapd

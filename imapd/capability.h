// What imapd says it can do: one list for the login program and the session, because some clients
// ask before login only.  Nothing stands here that isn't complete.
#pragma once

#include <string_view>

#define DMAIL_IMAP_CAPABILITIES \
  " LITERAL+ CHILDREN ENABLE ID IDLE MOVE MULTIAPPEND NAMESPACE UIDPLUS UNSELECT WITHIN"

namespace dmail::imapd {

inline constexpr std::string_view kLoginCapabilities = "IMAP4rev1 SASL-IR" DMAIL_IMAP_CAPABILITIES;
inline constexpr std::string_view kCapabilities = "IMAP4rev1" DMAIL_IMAP_CAPABILITIES;

}  // namespace dmail::imapd

#undef DMAIL_IMAP_CAPABILITIES

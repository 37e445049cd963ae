// State that other agents keep in the header of their messages in an mbox file: X-IMAPbase or
// X-IMAP in the first one, X-UID, Status, X-Status and X-Keywords in each.
//
// Anybody can send mail with such headers.  So UIDs, keywords and \Deleted are believed only in a
// file whose first message has a base line and a UID within it, from the first message on as long
// as UIDs ascend and stay within the base.  Of any other message that has no block of ours only the
// marks seen, answered, flagged and draft are taken, as every reader of mbox does: a spool that
// others have served keeps what its users have read, and the worst a sender can do is to mark his
// own mail.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/keyword_table.h"
#include "store/mbox_from.h"

namespace dmail::store {

// A last UID above this is none that an agent gave; believing it would soon leave no UID to give.
inline constexpr uint32_t kMostForeignUid = 0x7fffffff;

struct ForeignBase {
  uint32_t uid_validity = 0, last_uid = 0;
  std::string_view names;  // keywords between blanks
};
// The X-IMAPbase or X-IMAP line of a message's header.
std::optional<ForeignBase> foreign_base(std::string_view header);

// The base of the message UW puts first in a mailbox and never shows: right sender, subject, X-IMAP
// line, and nothing in the header that a delivery adds.
std::optional<ForeignBase> internal_data(const FromLine& from, std::string_view header);

struct ForeignState {
  uint32_t uid = 0, flags = 0;
  uint64_t keywords = 0;
};
// \Seen \Answered \Flagged \Draft out of Status and X-Status; never \Deleted.
uint32_t foreign_marks(std::string_view header);
// The state lines of a message's header; nullopt when it has no X-UID.
std::optional<ForeignState> foreign_state(std::string_view header, KeywordTable& keywords);

}  // namespace dmail::store

// The selected mailbox and what the client has been told of it: untagged EXISTS, RECENT, EXPUNGE,
// FLAGS and FETCH (FLAGS) data (RFC 3501 sections 7.2.6, 7.3, 7.4.1), and sequence sets resolved to
// message numbers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/uid_set.h"
#include "imapd/reply.h"
#include "store/mailbox.h"

namespace dmail::imapd {

// "(\Seen $Label)" of one message.
void append_flag_list(std::string& out, const store::MessageInfo& info,
                      const std::vector<std::string>& keywords);

class MailboxView {
 public:
  MailboxView(std::unique_ptr<store::Mailbox> mailbox, Reply& reply)
      : mailbox_(std::move(mailbox)), reply_(&reply) {}

  store::Mailbox& mailbox() { return *mailbox_; }

  void announce_opened();  // everything SELECT must say, but the tagged line
  // Tells what changed; `may_expunge` as the running command allows.  Gone: the mailbox was
  // deleted.
  enum class Update { Told, Gone };
  Result<Update> update(bool may_expunge);
  // FLAGS again when keywords were added since it was last told.
  void announce_keywords();

  // A sequence set as message numbers.  nullopt: a syntax error or, unless `uid`, a number over
  // count() (RFC 9051 section 6.4: BAD).
  std::optional<UidSet> numbers(std::string_view set, bool uid);
  // Likewise for SEARCH, where numbers over count() just match nothing.
  std::optional<UidSet> numbers_for_search(std::string_view set, bool uid);
  // Message numbers as UIDs.
  UidSet uids(const UidSet& message_numbers);

 private:
  void announce_flags();
  UidSet clipped(const UidSet& set, bool uid);
  uint32_t star(bool uid);

  std::unique_ptr<store::Mailbox> mailbox_;
  Reply* reply_;
  size_t told_keywords_ = 0;
  uint32_t told_recent_ = 0;
};

}  // namespace dmail::imapd

// Writes FETCH data (RFC 3501 section 7.4.2) of one message after another: what the store has
// cached goes straight into the reply buffer, texts stream from the mail file.
//
// A message that cannot be read is left out whole where nothing of it left the buffer yet, else the
// item is NIL; failure() then says why.
#pragma once

#include <optional>

#include "imapd/fetch_item.h"
#include "imapd/reply.h"
#include "mail/structure.h"
#include "store/mailbox.h"

namespace dmail::imapd {

class FetchSender {
 public:
  FetchSender(store::Mailbox& mailbox, Reply& reply, const FetchPlan& plan)
      : mailbox_(&mailbox), reply_(&reply), plan_(&plan) {}

  // `tell_flags`: FLAGS go along though nobody asked, because reading set \Seen.
  void send(uint32_t number, bool tell_flags);
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Range {
    uint64_t start = 0, length = 0;
  };
  bool send_item(const FetchItem& item, const store::MessageInfo& info);
  bool send_cached(std::string_view label, Result<std::string_view> text);
  bool send_section(const Section& section, const store::MessageInfo& info);
  bool send_fields(const Section& section, std::string_view header);
  bool send_range(const Section& section, Range range);
  // False after a failure; nullopt in `range`: the message has no such part.
  bool find_range(const Section& section, const store::MessageInfo& info,
                  std::optional<Range>& range);
  bool load_structure();
  bool fail(Error& error);

  store::Mailbox* mailbox_;
  Reply* reply_;
  const FetchPlan* plan_;
  std::optional<Error> failure_;
  std::string scratch_;
  std::optional<mail::Structure> structure_;  // of number_
  uint32_t number_ = 0;
  bool streamed_ = false;  // part of the response may have left the buffer
};

}  // namespace dmail::imapd

// Does a message match a search program?  Reads as little of it as decides the question: the
// record, then the header, then the text (search_key.h orders the keys).
#pragma once

#include <optional>
#include <string>

#include "imapd/search_key.h"
#include "mail/structure.h"
#include "store/mailbox.h"

namespace dmail::imapd {

class SearchMatcher {
 public:
  SearchMatcher(store::Mailbox& mailbox, int64_t now) : mailbox_(&mailbox), now_(now) {}
  bool matches(const SearchKey& program, uint32_t number);
  // Of the message `matches` looked at last.
  [[nodiscard]] uint32_t uid() const { return info_.uid; }
  // Of the last message that couldn't be read (it counts as not matching); empty when there is
  // none.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  bool test(const SearchKey& key);
  bool test_sent(const SearchKey& key);
  bool test_header(const SearchKey& key);
  bool test_text(const SearchKey& key);
  const std::string_view* header();
  // Date: (0) or Subject: (1) from the cached envelope, which saves reading the message.
  bool load_envelope(int field);

  store::Mailbox* mailbox_;
  int64_t now_;
  uint32_t number_ = 0;
  store::MessageInfo info_;
  std::optional<std::string_view> header_;  // good until text() is asked for
  std::optional<mail::Structure> structure_;
  std::string envelope_[2];
  bool has_field_[2] = {false, false};
  bool envelope_loaded_ = false;
  std::string trouble_;
};

}  // namespace dmail::imapd

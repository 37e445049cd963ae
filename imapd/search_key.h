// The search program of RFC 3501 section 6.4.4 as a tree of plain values, and its grammar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uid_set.h"
#include "imapd/mailbox_view.h"
#include "imapd/parser.h"
#include "mail/search.h"

namespace dmail::imapd {

struct SearchKey {
  enum class Kind {
    All,
    Flags,
    Keyword,
    Recent,
    Old,
    New,
    Numbers,
    Larger,
    Smaller,
    Before,
    On,
    Since,
    Older,
    Younger,  // internal date
    SentBefore,
    SentOn,
    SentSince,  // Date: field
    Subject,
    Header,     // the text of a field
    Addresses,  // the addresses in it, as the envelope has them
    Body,
    Text,
    And,
    Or,
    Not
  };
  Kind kind = Kind::All;
  uint32_t set = 0, clear = 0;  // Flags: bits that must be set, and must not
  uint64_t keyword = 0;         // Keyword: its bit, 0 when the mailbox doesn't have it
  UidSet numbers;               // Numbers: message numbers
  uint64_t size = 0;            // Larger, Smaller; seconds for Older, Younger
  int64_t day = 0;              // days since 1970
  std::string field;            // Header, Addresses
  std::optional<mail::TextNeedle> needle;
  std::vector<SearchKey> keys;  // And, Or, Not

  // 0: the record says; 1: the header must be read; 2: the whole message.
  [[nodiscard]] int cost() const;
};

struct SearchProgram {
  SearchKey root;            // an And, its keys in order of cost
  bool bad_charset = false;  // then nothing else holds
};

// [SP "CHARSET" SP astring] 1*(SP search-key), to the end of the command.
SearchProgram expect_search_program(Parser& parser, MailboxView& view);

}  // namespace dmail::imapd

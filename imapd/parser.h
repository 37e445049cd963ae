// The IMAP grammar (RFC 3501 section 9) over one complete command, literals included where they
// were announced: `a LOGIN {3}CRLF joe x`.  One method per production.
//
// The first error sticks: after it every method returns an empty value and moves nothing, and
// at_end() holds, so that no loop outlives it.  Handlers check `failed()` once, when they have read
// all arguments (expect_end), before they act.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmail::imapd {

bool is_atom_char(char c);
bool is_tag_char(char c);
// Modified UTF-7 and so on are checked by Session::mailbox_name; INBOX in any case becomes INBOX.

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] std::string_view error() const { return error_; }
  void fail(std::string_view what);  // `what` is a literal of ours
  [[nodiscard]] bool at_end() const { return failed() || at_ >= text_.size(); }
  [[nodiscard]] bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

  bool take(char c);
  void expect(char c);
  void expect_sp() { expect(' '); }
  void expect_end();
  // `word` in any case, when the character after it can't belong to an atom.
  bool take_word(std::string_view word);
  bool take_text(std::string_view text);  // in any case, whatever follows

  std::string_view expect_tag();
  std::string_view expect_atom();               // 1*ATOM-CHAR
  std::string expect_string();                  // quoted / literal
  std::string expect_astring();                 // 1*ASTRING-CHAR / string
  std::string expect_mailbox();                 // astring
  std::string expect_list_mailbox();            // 1*list-char / string
  std::optional<std::string> expect_nstring();  // string / "NIL"
  uint32_t expect_number();                     // 0 to 2^32-1
  uint32_t expect_nz_number();
  uint64_t expect_number64();              // RFC 7162: up to 2^63-1
  std::string_view expect_sequence_set();  // characters only; UidSet::parse does the rest
  std::string expect_flag();               // "\Seen", "$Forwarded" (not \Recent)
  int64_t expect_date();                   // days since 1970-01-01; dd-Mon-yyyy, quoted or not

  // The message literal of APPEND, which ends the text: its announcement is passed over.
  void expect_announcement();

 private:
  std::string expect_quoted();
  std::string expect_literal();
  template <typename Accept>
  std::string_view run_of(Accept accept);

  std::string_view text_;
  size_t at_ = 0;
  std::string_view error_;
};

}  // namespace dmail::imapd

// Address lists (RFC 5322 section 3.4 with the obsolete forms of 4.4) as IMAP shows them.
//
// Anything is accepted.  An address without a domain gets the host MISSING_DOMAIN, because a NIL
// host would mean a group; one with a display name and empty brackets the mailbox MISSING_MAILBOX
// too.
// `<>` alone is no address.  A group that is not closed ends with its field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::mail {

struct Address {
  enum class Kind : uint8_t { Mailbox, GroupStart, GroupEnd };
  Kind kind = Kind::Mailbox;
  std::string name;     // display name, quoting removed, encoded words as sent; or the group's
  std::string route;    // "@a,@b" or empty
  std::string mailbox;  // local part, quoting removed
  std::string host;
};

class Lexer;

// Walks the addresses of one folded field value.  Linear; the caller sets a limit on the value.
class AddressCursor {
 public:
  explicit AddressCursor(Lexer& lexer) : lexer_(lexer) {}
  bool next(Address& address);  // false at the end

 private:
  bool take_words(std::string& out);
  void take_domain(std::string& out);
  void set_local_part(Address& address, const std::string& words);
  void take_bracketed(Address& address);
  void skip_junk();
  bool finish(Address& address);

  Lexer& lexer_;
  bool in_group_ = false;
  bool quoted_ = false;  // one of the words taken last
  bool last_quoted_ = false;
  size_t last_word_ = 0;  // where the last of them begins
};

}  // namespace dmail::mail

#include "mail/address.h"

#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "mail/lexer.h"

namespace dmail::mail {

namespace {

// Octets that end a word outside quotes.  Brackets and lone controls are taken as letters: display
// names are often written with them.
bool stops_word(char c) {
  switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case '@':
    case ',':
    case ';':
    case ':':
    case '\\':
    case '"':
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return true;
    default:
      return false;
  }
}

// Blanks around the dots of a local part or domain mean nothing (RFC 5322 section 4.4).
std::string without_dot_blanks(std::string_view words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool before = i + 1 < words.size() && words[i + 1] == '.';
    const bool after = !out.empty() && out.back() == '.';
    if (words[i] != ' ' || (!before && !after)) out += words[i];
  }
  return out;
}

}  // namespace

// Words up to the next special, one blank for what is between them; false when there was none.
bool AddressCursor::take_words(std::string& out) {
  bool any = false;
  bool space = false;
  quoted_ = last_quoted_ = false;
  last_word_ = 0;
  for (;;) {
    space = lexer_.skip_cfws() || space;
    if (lexer_.at_end()) return any;
    const char c = lexer_.peek();
    const bool blank = any && space;
    if (c == '"') {
      if (blank) out += ' ';
      quoted_ = last_quoted_ = true;
      if (blank) last_word_ = out.size();
      lexer_.take_quoted(out);
    } else if (c == '\\') {
      lexer_.skip_one();
      continue;
    } else if (!stops_word(c)) {
      if (blank) out += ' ';
      if (blank) last_word_ = out.size();
      if (blank) last_quoted_ = false;
      out += lexer_.take_run(stops_word);
    } else {
      return any;
    }
    any = true;
    space = false;
  }
}

void AddressCursor::take_domain(std::string& out) {
  const auto stops = [](char c) { return stops_word(c) || c == '['; };
  for (;;) {
    const bool space = lexer_.skip_cfws();
    const char c = lexer_.peek();
    if (lexer_.at_end()) return;
    if (c == '[' && out.empty()) return lexer_.take_domain_literal(out);
    if (stops(c)) return;
    // "a . b" is the domain a.b; "a b" is a domain and something else.
    if (space && !out.empty() && out.back() != '.' && c != '.') return;
    out += lexer_.take_run(stops);
  }
}

// Words before "@".  A name that stands there without brackets around the address is kept as one.
void AddressCursor::set_local_part(Address& address, const std::string& words) {
  // "Last, First" a@b.example: the name is quoted, the local part is not.
  if (quoted_ && !last_quoted_ && last_word_ > 0 && words[last_word_] != '.' &&
      (last_word_ == 1 || words[last_word_ - 2] != '.')) {
    address.name = words.substr(0, last_word_ - 1);
    address.mailbox = words.substr(last_word_);
    return;
  }
  address.mailbox = quoted_ ? words : without_dot_blanks(words);
  const size_t blank = quoted_ ? std::string::npos : address.mailbox.rfind(' ');
  if (blank == std::string::npos) return;
  address.name = address.mailbox.substr(0, blank);
  address.mailbox.erase(0, blank + 1);
}

// To the end of this address, without looking at what is quoted.
void AddressCursor::skip_junk() {
  std::string scratch;
  while (!lexer_.at_end()) {
    if (lexer_.skip_cfws()) continue;
    const char c = lexer_.peek();
    if (c == ',' || c == ';' || c == '<') return;
    if (c == '"') {
      lexer_.take_quoted(scratch);
      scratch.clear();
    } else {
      lexer_.skip_one();
    }
  }
}

// After "<": [route ":"] local-part "@" domain ">".
void AddressCursor::take_bracketed(Address& address) {
  lexer_.skip_cfws();
  if (lexer_.peek() == '@') {
    std::string route;
    for (;;) {
      lexer_.skip_cfws();
      if (lexer_.take(',')) continue;
      if (!lexer_.take('@')) break;
      std::string domain;
      take_domain(domain);
      if (!route.empty()) route += ',';
      route += '@';
      route += domain;
    }
    if (lexer_.take(':')) address.route = route;
  }
  take_words(address.mailbox);
  if (!quoted_) address.mailbox = without_dot_blanks(address.mailbox);
  if (lexer_.take('@')) take_domain(address.host);
  lexer_.skip_cfws();
  // What stands before the closing bracket and is not understood is lost; without the bracket the
  // address ends at the next comma.
  while (!lexer_.at_end() && lexer_.peek() != '>' && lexer_.peek() != ',' && lexer_.peek() != ';' &&
         lexer_.peek() != '<')
    lexer_.skip_one();
  lexer_.take('>');
}

// Fills what is missing; false when this is no address at all.
bool AddressCursor::finish(Address& address) {
  lexer_.skip_cfws();
  address.name = trim(address.name);
  if (address.name.empty()) address.name = lexer_.comment;
  lexer_.comment.clear();
  if (address.mailbox.empty() && address.host.empty()) {
    if (address.name.empty()) return false;
    address.mailbox = "MISSING_MAILBOX";
  }
  if (address.host.empty()) address.host = "MISSING_DOMAIN";
  return true;
}

bool AddressCursor::next(Address& address) {
  for (;;) {
    address = {};
    lexer_.comment.clear();
    lexer_.skip_cfws();
    if (lexer_.at_end()) {
      address.kind = Address::Kind::GroupEnd;
      return std::exchange(in_group_, false);
    }
    if (lexer_.take(',')) continue;
    if (lexer_.take(';')) {
      if (!in_group_) continue;
      in_group_ = false;
      address.kind = Address::Kind::GroupEnd;
      return true;
    }
    std::string words;
    const bool any = take_words(words);
    const char c = lexer_.peek();
    if (c == ':' && !in_group_) {
      lexer_.take(':');
      in_group_ = true;
      address.kind = Address::Kind::GroupStart;
      address.mailbox = words;
      return true;
    }
    if (lexer_.take('<')) {
      address.name = words;
      take_bracketed(address);
    } else if (lexer_.take('@')) {
      set_local_part(address, words);
      take_domain(address.host);
      lexer_.skip_cfws();
      if (lexer_.take('<')) {  // a@b <a@b>: an address as the name, without the quotes it needs
        if (!address.name.empty()) address.name += ' ';
        address.name += std::exchange(address.mailbox, {}) + '@' + std::exchange(address.host, {});
        take_bracketed(address);
      } else {
        skip_junk();
      }
    } else if (any) {
      address.mailbox = words;
      skip_junk();
    } else {
      lexer_.skip_one();
      continue;
    }
    if (finish(address)) return true;
  }
}

}  // namespace dmail::mail

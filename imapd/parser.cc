#include "imapd/parser.h"

#include <array>

#include "base/ascii.h"
#include "base/number.h"
#include "imapd/limits.h"
#include "mail/mail_date.h"

namespace dmail::imapd {
namespace {

enum : unsigned char { kAtom = 1, kAstring = 2, kList = 4, kQuoted = 8 };

// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    const char ch = static_cast<char>(c);
    if (ch == '(' || ch == ')' || ch == '{' || ch == '"' || ch == '\\') continue;
    if (ch == '%' || ch == '*')
      classes[c] = kList;
    else if (ch == ']')
      classes[c] = kAstring | kList;
    else
      classes[c] = kAtom | kAstring | kList;
  }
  for (unsigned char& c : classes) c |= kQuoted;
  for (const unsigned c : {'\0', '\r', '\n', '"', '\\'}) classes[c] &= ~kQuoted;
  return classes;
}
constexpr auto kClasses = make_classes();

bool in_class(char c, unsigned char wanted) {
  return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

int month_of(std::string_view s) {
  constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
  if (s.size() != 3) return 0;
  const size_t at = kMonths.find(lower(s));
  return at == std::string_view::npos || at % 3 != 0 ? 0 : static_cast<int>(at / 3) + 1;
}

int days_in_month(int month, int year) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

bool is_atom_char(char c) { return in_class(c, kAtom); }
bool is_tag_char(char c) { return in_class(c, kAstring) && c != '+'; }

void Parser::fail(std::string_view what) {
  if (error_.empty()) error_ = what;
}

bool Parser::take(char c) {
  if (!next_is(c)) return false;
  ++at_;
  return true;
}

void Parser::expect(char c) {
  if (take(c)) return;
  switch (c) {
    case ' ':
      return fail("Missing argument or space");
    case '(':
      return fail("Parenthesized list expected");
    case ')':
      return fail("Missing closing parenthesis");
    case ']':
      return fail("Missing closing bracket");
    default:
      return fail("Syntax error");
  }
}

void Parser::expect_end() {
  if (!at_end()) fail("Unexpected text after the arguments");
}

bool Parser::take_text(std::string_view text) {
  if (failed() || !istarts_with(rest(), text)) return false;
  at_ += text.size();
  return true;
}

bool Parser::take_word(std::string_view word) {
  if (failed()) return false;
  const std::string_view left = rest();
  if (!istarts_with(left, word)) return false;
  if (left.size() > word.size() && is_atom_char(left[word.size()])) return false;
  at_ += word.size();
  return true;
}

template <typename Accept>
std::string_view Parser::run_of(Accept accept) {
  if (failed()) return {};
  const size_t start = at_;
  while (at_ < text_.size() && accept(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

// tag = 1*<any ASTRING-CHAR except "+">
std::string_view Parser::expect_tag() {
  const std::string_view tag = run_of(is_tag_char);
  if (tag.empty() || tag.size() > kMaxTag) fail("Invalid tag");
  return failed() ? std::string_view() : tag;
}

// atom = 1*ATOM-CHAR
std::string_view Parser::expect_atom() {
  const std::string_view atom = run_of(is_atom_char);
  if (atom.empty()) fail("Atom expected");
  return atom;
}

// quoted = DQUOTE *QUOTED-CHAR DQUOTE; 8-bit bytes pass, since clients send UTF-8 here.
std::string Parser::expect_quoted() {
  std::string out;
  expect('"');
  while (!failed()) {
    const size_t start = at_;
    while (at_ < text_.size() && in_class(text_[at_], kQuoted)) ++at_;
    out.append(text_, start, at_ - start);
    if (take('"')) return out;
    if (!take('\\') || !(next_is('"') || next_is('\\'))) break;
    out.push_back(text_[at_++]);
  }
  fail("Invalid quoted string");
  return {};
}

// literal = "{" number ["+"] "}" CRLF *CHAR8
std::string Parser::expect_literal() {
  expect('{');
  const std::string_view digits = run_of(is_digit);
  (void)take('+');
  expect('}');
  (void)take('\r');
  if (failed() || !take('\n')) {
    fail("Invalid literal");
    return {};
  }
  const auto size = parse_u64(digits, kMaxLiterals);
  if (!size || *size > text_.size() - at_) {
    fail("Invalid literal");
    return {};
  }
  std::string out(text_.substr(at_, *size));
  at_ += *size;
  if (out.find('\0') != std::string::npos) fail("NUL in a literal");
  return failed() ? std::string() : out;
}

// string = quoted / literal
std::string Parser::expect_string() {
  if (next_is('{')) return expect_literal();
  if (next_is('"')) return expect_quoted();
  fail("String expected");
  return {};
}

// astring = 1*ASTRING-CHAR / string
std::string Parser::expect_astring() {
  if (next_is('{') || next_is('"')) return expect_string();
  const std::string_view s = run_of([](char c) { return in_class(c, kAstring); });
  if (s.empty()) fail("String expected");
  return std::string(s);
}

// mailbox = "INBOX" / astring
std::string Parser::expect_mailbox() {
  std::string name = expect_astring();
  return iequals(name, "INBOX") ? "INBOX" : name;
}

// list-mailbox = 1*list-char / string
std::string Parser::expect_list_mailbox() {
  if (next_is('{') || next_is('"')) return expect_string();
  const std::string_view s = run_of([](char c) { return in_class(c, kList); });
  if (s.empty()) fail("Mailbox pattern expected");
  return std::string(s);
}

// nstring = string / nil
std::optional<std::string> Parser::expect_nstring() {
  if (take_word("NIL")) return std::nullopt;
  return expect_string();
}

uint64_t Parser::expect_number64() {
  const auto value = parse_u64(run_of(is_digit), uint64_t{1} << 62);
  if (!value) fail("Number expected");
  return value.value_or(0);
}

// number = 1*DIGIT (0 <= n < 4,294,967,296)
uint32_t Parser::expect_number() {
  const auto value = parse_u32(run_of(is_digit));
  if (!value) fail("Number expected");
  return value.value_or(0);
}

// nz-number = digit-nz *DIGIT
uint32_t Parser::expect_nz_number() {
  if (next_is('0')) fail("Number must not begin with 0");
  return expect_number();
}

// sequence-set = (seq-number / seq-range) *("," sequence-set)
std::string_view Parser::expect_sequence_set() {
  const std::string_view set =
      run_of([](char c) { return is_digit(c) || c == ',' || c == ':' || c == '*'; });
  if (set.empty()) fail("Sequence set expected");
  return set;
}

// flag = "\Answered" ... / flag-keyword / flag-extension
std::string Parser::expect_flag() {
  std::string out;
  if (take('\\')) out.push_back('\\');
  out += expect_atom();
  return out;
}

// date = date-text / DQUOTE date-text DQUOTE; date-text = 1*2DIGIT "-" 3ALPHA "-" 4DIGIT
int64_t Parser::expect_date() {
  const bool quoted = take('"');
  const std::string_view day = run_of(is_digit);
  expect('-');
  const int month = month_of(run_of(is_alpha));
  expect('-');
  const std::string_view year = run_of(is_digit);
  if (quoted) expect('"');
  const auto y = parse_u32(year);
  const auto d = parse_u32(day);
  if (failed() || month == 0 || year.size() != 4 || day.size() > 2 || !y || !d || *d == 0 ||
      static_cast<int>(*d) > days_in_month(month, static_cast<int>(*y))) {
    fail("Invalid date");
    return 0;
  }
  return mail::days_from_civil(static_cast<int>(*y), month, static_cast<int>(*d));
}

void Parser::expect_announcement() {
  expect('{');
  (void)run_of(is_digit);
  (void)take('+');
  expect('}');
  if (!at_end()) fail("Message literal expected");
}

}  // namespace dmail::imapd

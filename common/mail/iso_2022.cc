// ISO-2022-JP with its extensions, ISO-2022-KR, ISO-2022-CN (RFC 1468, 1554, 2237, 1557, 1922), HZ.
#include "mail/multibyte.h"
#include "mail/multibyte_walk.h"

namespace dmail::mail {

namespace {

enum class Set { Ascii, Katakana, Jis0208, Jis0212, Gb2312, Ksx1001, Unknown };

constexpr unsigned kEscape = 0x1b;
constexpr unsigned kShiftOut = 0x0e;
constexpr unsigned kShiftIn = 0x0f;

char32_t pair_in(Set set, unsigned row, unsigned cell) {
  switch (set) {
    case Set::Jis0208:
      return jis_x_0208(row, cell);
    case Set::Jis0212:
      return jis_x_0212(row, cell);
    case Set::Gb2312:
      return gb_2312(row, cell);
    case Set::Ksx1001:
      return ks_x_1001(row, cell);
    default:
      return kNoCharacter;
  }
}

class Iso2022Decoder {
 public:
  Iso2022Decoder(std::string_view text, Iso2022 variant) : text_(text) {
    if (variant == Iso2022::Korean) shifted_set_ = Set::Ksx1001;
    if (variant == Iso2022::Chinese) shifted_set_ = Set::Gb2312;
  }
  std::string run();

 private:
  void step();
  size_t escape();  // octets of the sequence at at_, 0 when it is none
  void designate(unsigned where, unsigned final);
  size_t single_shift();

  std::string_view text_;
  size_t at_ = 0;
  Set set_ = Set::Ascii;            // of octets as they stand
  Set shifted_set_ = Set::Unknown;  // of those behind a shift out
  bool shifted_ = false;
  bool latin_ = false;  // ISO 8859-1 behind a single shift
  std::string out_;
};

void Iso2022Decoder::designate(unsigned where, unsigned final) {
  Set set = Set::Unknown;
  if (final == '@' || final == 'B' || final == 'O' || final == 'Q') set = Set::Jis0208;
  if (final == 'D') set = Set::Jis0212;
  if (final == 'A') set = Set::Gb2312;
  if (final == 'C') set = Set::Ksx1001;
  (where == ')' ? shifted_set_ : set_) = set;
}

size_t Iso2022Decoder::single_shift() {
  const unsigned c = octet_at(text_, at_ + 2) & 0x7f;
  if (c < 0x20 || at_ + 2 >= text_.size()) return 2;
  append_character(out_, latin_ ? 0x80 + c : kNoCharacter);
  return 3;
}

size_t Iso2022Decoder::escape() {
  const unsigned one = octet_at(text_, at_ + 1);
  const unsigned two = octet_at(text_, at_ + 2);
  const unsigned three = octet_at(text_, at_ + 3);
  if (one == '(' && two >= 0x40) {
    set_ = two == 'I' ? Set::Katakana : Set::Ascii;
    return 3;
  }
  if (one == '$' && (two == '(' || two == ')' || two == '*' || two == '+') && three >= 0x40) {
    if (two == '(' || two == ')') designate(two, three);
    return 4;
  }
  if (one == '$' && (two == '@' || two == 'A' || two == 'B')) {
    designate('(', two);
    return 3;
  }
  if (one == '&' && two == '@') return 3;  // announces a later edition
  if (one == '.' && two >= 0x40) {
    latin_ = two == 'A';
    return 3;
  }
  return one == 'N' ? single_shift() : 0;
}

void Iso2022Decoder::step() {
  const unsigned c = octet_at(text_, at_);
  if (c == kEscape) {
    const size_t size = escape();
    if (size == 0) out_ += static_cast<char>(c);
    at_ += size == 0 ? 1 : size;
    return;
  }
  if (c == '\r' || c == '\n') {
    set_ = Set::Ascii;
    shifted_ = false;
  }
  if (c == kShiftOut || c == kShiftIn) {
    shifted_ = c == kShiftOut;
    ++at_;
    return;
  }
  const Set set = shifted_ ? shifted_set_ : set_;
  const unsigned next = octet_at(text_, at_ + 1);
  if (c >= 0x80) {  // belongs to no such text; katakana are sent so
    append_character(out_, c >= 0xa1 && c <= 0xdf ? 0xff61 + c - 0xa1 : kNoCharacter);
  } else if (c <= 0x20 || c == 0x7f || set == Set::Ascii) {
    out_ += static_cast<char>(c);
  } else if (set == Set::Katakana) {
    append_character(out_, c <= 0x5f ? 0xff61 + c - 0x21 : kNoCharacter);
  } else if (next <= 0x20 || next >= 0x7f) {
    append_character(out_, kNoCharacter);
  } else {
    append_character(out_, pair_in(set, c - 0x20, next - 0x20));
    ++at_;
  }
  ++at_;
}

std::string Iso2022Decoder::run() {
  out_.reserve(text_.size() + text_.size() / 2);
  while (at_ < text_.size()) step();
  return std::move(out_);
}

}  // namespace

std::string from_iso_2022(std::string_view text, Iso2022 variant) {
  return Iso2022Decoder(text, variant).run();
}

std::string from_hz(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  bool chinese = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const unsigned c = octet_at(text, at);
    const unsigned next = octet_at(text, at + 1);
    if (c == '\n') chinese = false;
    if (c == '~' && (next == '{' || next == '}')) {
      chinese = next == '{';
      ++at;
    } else if (c == '~' && !chinese && (next == '~' || next == '\n')) {
      if (next == '~') out += '~';
      ++at;
    } else if (c >= 0x80) {
      append_character(out, kNoCharacter);
    } else if (chinese && c > 0x20 && next > 0x20 && next < 0x7f) {
      append_character(out, gb_2312(c - 0x20, next - 0x20));
      ++at;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out;
}

}  // namespace dmail::mail

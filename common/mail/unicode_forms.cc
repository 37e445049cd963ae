// UTF-7 (RFC 2152), UTF-16 (RFC 2781), UTF-32.
#include "mail/multibyte.h"
#include "mail/multibyte_walk.h"

namespace dmail::mail {

namespace {

// Puts pairs of surrogates together; one that stands alone becomes U+FFFD.
class Utf16Joiner {
 public:
  explicit Utf16Joiner(std::string& out) : out_(out) {}
  void add(char32_t unit) {
    if (high_ != 0 && unit >= 0xdc00 && unit <= 0xdfff) {
      append_character(out_, 0x10000 + ((high_ - 0xd800) << 10) + unit - 0xdc00);
      high_ = 0;
      return;
    }
    end();
    if (unit >= 0xd800 && unit <= 0xdbff)
      high_ = unit;
    else if (unit == 0)
      out_ += '\0';
    else
      append_character(out_, unit);
  }
  void end() {
    if (high_ != 0) append_character(out_, kNoCharacter);
    high_ = 0;
  }

 private:
  std::string& out_;
  char32_t high_ = 0;
};

int base64_digit(unsigned c) {
  if (c >= 'A' && c <= 'Z') return static_cast<int>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<int>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0' + 52);
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The characters behind a "+", up to what is no base64; gives the place behind them and their "-".
size_t take_base64(std::string& out, std::string_view text, size_t at) {
  Utf16Joiner joiner(out);
  uint32_t bits = 0;
  unsigned count = 0;
  for (int digit; (digit = base64_digit(octet_at(text, at))) >= 0; ++at) {
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xfffffff;
    count += 6;
    if (count < 16) continue;
    count -= 16;
    joiner.add(bits >> count & 0xffff);
  }
  joiner.end();
  return octet_at(text, at) == '-' ? at + 1 : at;
}

bool begins_little(std::string_view text, size_t unit) {
  return text.size() >= unit && octet_at(text, 0) == 0xff && octet_at(text, 1) == 0xfe;
}

}  // namespace

std::string from_utf7(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const unsigned c = octet_at(text, at++);
    if (c >= 0x80) {
      append_character(out, kNoCharacter);
    } else if (c != '+') {
      out += static_cast<char>(c);
    } else if (octet_at(text, at) == '-') {
      out += '+';
      ++at;
    } else if (base64_digit(octet_at(text, at)) < 0) {
      out += '+';  // as it was sent: no shift begins here
    } else {
      at = take_base64(out, text, at);
    }
  }
  return out;
}

std::string from_utf16(std::string_view text, ByteOrder order) {
  std::string out;
  out.reserve(text.size() * 3 / 2);
  const bool little =
      order == ByteOrder::Little || (order == ByteOrder::Mark && begins_little(text, 2));
  Utf16Joiner joiner(out);
  for (size_t at = 0; at + 1 < text.size(); at += 2) {
    const unsigned one = octet_at(text, at);
    const unsigned two = octet_at(text, at + 1);
    const char32_t unit = little ? two << 8 | one : one << 8 | two;
    if (at != 0 || unit != 0xfeff) joiner.add(unit);
  }
  joiner.end();
  if (text.size() % 2 != 0) append_character(out, kNoCharacter);
  return out;
}

std::string from_utf32(std::string_view text, ByteOrder order) {
  std::string out;
  out.reserve(text.size());
  const bool little =
      order == ByteOrder::Little || (order == ByteOrder::Mark && begins_little(text, 4));
  for (size_t at = 0; at + 3 < text.size(); at += 4) {
    char32_t c = 0;
    for (size_t i = 0; i < 4; ++i) c = c << 8 | octet_at(text, at + (little ? 3 - i : i));
    if (at != 0 || c != 0xfeff) append_character(out, c);
  }
  if (text.size() % 4 != 0) append_character(out, kNoCharacter);
  return out;
}

}  // namespace dmail::mail

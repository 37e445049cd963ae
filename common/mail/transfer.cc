// Content-transfer-encodings (RFC 2045 section 6), read as tolerantly as they are written.
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "mail/decode.h"

namespace dmail::mail {

namespace {

constexpr unsigned char kSkip = 64;
constexpr unsigned char kPad = 65;

constexpr std::array<unsigned char, 256> make_digits() {
  std::array<unsigned char, 256> t{};
  for (auto& d : t) d = kSkip;
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < digits.size(); ++i)
    t[static_cast<unsigned char>(digits[i])] = static_cast<unsigned char>(i);
  t['='] = kPad;
  return t;
}
constexpr std::array<unsigned char, 256> kDigits = make_digits();

unsigned digit(char c) { return kDigits[static_cast<unsigned char>(c)]; }

// One line without its end; false when it ends in a soft break.
bool append_quoted_line(std::string& out, std::string_view line) {
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  while (!line.empty()) {
    const size_t equals = line.find('=');
    out += line.substr(0, equals);
    if (equals == std::string_view::npos) return true;
    line.remove_prefix(equals + 1);
    if (line.empty()) return false;
    const int high = hex_value(line[0]);
    const int low = line.size() > 1 ? hex_value(line[1]) : -1;
    if (high < 0 || low < 0) {
      out += '=';
      continue;
    }
    out += static_cast<char>(high << 4 | low);
    line.remove_prefix(2);
  }
  return true;
}

}  // namespace

// Padding in the middle ends one run of base64 and begins the next, as joined attachments have it.
std::string decode_base64(std::string_view body) {
  std::string out;
  out.reserve(body.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int count = 0;  // digits in `bits`
  const auto flush = [&] {
    if (count >= 2) out += static_cast<char>(bits >> (count == 2 ? 4 : 10));
    if (count == 3) out += static_cast<char>(bits >> 2);
    count = 0;
    bits = 0;
  };
  for (size_t i = 0; i < body.size(); ++i) {
    while (count == 0 && i + 4 <= body.size()) {
      const unsigned a = digit(body[i]), b = digit(body[i + 1]), c = digit(body[i + 2]),
                     d = digit(body[i + 3]);
      if ((a | b | c | d) >= kSkip) break;
      const uint32_t all = a << 18 | b << 12 | c << 6 | d;
      const char three[3] = {static_cast<char>(all >> 16), static_cast<char>(all >> 8),
                             static_cast<char>(all)};
      out.append(three, 3);
      i += 4;
    }
    if (i >= body.size()) break;
    const unsigned value = digit(body[i]);
    if (value == kPad) flush();
    if (value >= kSkip) continue;
    bits = bits << 6 | value;
    if (++count < 4) continue;
    out += static_cast<char>(bits >> 16);
    out += static_cast<char>(bits >> 8);
    out += static_cast<char>(bits);
    count = 0;
    bits = 0;
  }
  flush();
  return out;
}

std::string decode_quoted_printable(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  while (!body.empty()) {
    const size_t lf = body.find('\n');
    std::string_view line = body.substr(0, lf);
    std::string_view end;
    if (lf != std::string_view::npos) {
      end = "\n";
      if (line.ends_with('\r')) {
        end = "\r\n";
        line.remove_suffix(1);
      }
    }
    if (append_quoted_line(out, line)) out += end;
    body.remove_prefix(lf == std::string_view::npos ? body.size() : lf + 1);
  }
  return out;
}

std::string decode_transfer(std::string_view body, std::string_view encoding) {
  if (iequals(encoding, "base64")) return decode_base64(body);
  if (iequals(encoding, "quoted-printable")) return decode_quoted_printable(body);
  return std::string(body);
}

}  // namespace dmail::mail

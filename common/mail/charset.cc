// Charsets by tables of our own: a static program has no iconv.
#include "base/ascii.h"
#include "base/utf7.h"
#include "mail/charset_name.h"
#include "mail/charset_tables.h"
#include "mail/decode.h"
#include "mail/multibyte.h"
#include "mail/utf8_walk.h"

namespace dmail::mail {

namespace {

using Codec = Charset::Codec;

constexpr char32_t kReplacement = 0xfffd;

// Well-formed sequences as they are, one U+FFFD for each octet that belongs to none.
std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view sequence = utf8_sequence(text);
    if (sequence.empty()) {
      append_utf8(out, kReplacement);
      text.remove_prefix(1);
    } else {
      out += sequence;
      text.remove_prefix(sequence.size());
    }
  }
  return out;
}

char32_t upper_half(const Charset& from, size_t octet) {
  switch (from.codec) {
    case Codec::Latin1:
      return static_cast<char32_t>(octet);
    case Codec::Half:
      return (*kCharsetTables[from.table].high)[octet - 128];
    case Codec::CodePage:
      return kCodePages[from.table].high[octet - 128];
    default:
      return kReplacement;
  }
}

std::string from_single_byte(std::string_view text, const Charset& from) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (is_8bit(c))
      append_utf8(out, upper_half(from, static_cast<unsigned char>(c)));
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string to_utf8(std::string_view text, std::string_view charset) {
  const Charset from = find_charset(charset);
  switch (from.codec) {
    case Codec::Utf8:
      return repaired_utf8(text);
    case Codec::Ascii:  // and not: well-formed UTF-8 is hardly ever anything else
      return is_utf8(text) ? std::string(text) : from_single_byte(text, from);
    case Codec::ShiftJis:
      return from_shift_jis(text);
    case Codec::EucJp:
      return from_euc_jp(text);
    case Codec::Gb18030:
      return from_gb18030(text);
    case Codec::Big5:
      return from_big5(text);
    case Codec::Uhc:
      return from_uhc(text);
    case Codec::Iso2022Jp:
      return from_iso_2022(text, Iso2022::Japanese);
    case Codec::Iso2022Kr:
      return from_iso_2022(text, Iso2022::Korean);
    case Codec::Iso2022Cn:
      return from_iso_2022(text, Iso2022::Chinese);
    case Codec::Hz:
      return from_hz(text);
    case Codec::Utf7:
      return from_utf7(text);
    case Codec::Utf16:
      return from_utf16(text, ByteOrder::Mark);
    case Codec::Utf16Be:
      return from_utf16(text, ByteOrder::Big);
    case Codec::Utf16Le:
      return from_utf16(text, ByteOrder::Little);
    case Codec::Utf32:
      return from_utf32(text, ByteOrder::Mark);
    case Codec::Utf32Be:
      return from_utf32(text, ByteOrder::Big);
    case Codec::Utf32Le:
      return from_utf32(text, ByteOrder::Little);
    case Codec::Unknown:
    case Codec::Latin1:
    case Codec::Half:
    case Codec::CodePage:
      break;
  }
  return from_single_byte(text, from);
}

}  // namespace dmail::mail

// The arguments of MAIL and RCPT (RFC 5321 section 4.1.2): paths and ESMTP parameters.
//
// Strict about bytes, because addresses go on into file names, headers and other programs: no
// control byte, no 8-bit byte, no empty local part, limits of limits.h.  Lenient where it is
// harmless: blanks after the colon, no angle brackets, dots anywhere in local parts, underscores
// and a last dot in domains.  Source routes are checked and thrown away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dsmtpd/path.h"

namespace dmail::dsmtpd {

enum class BodyType { Unsaid, SevenBit, EightBitMime };

struct MailArguments {
  Path sender;
  std::optional<uint64_t> size;  // SIZE=, RFC 1870
  BodyType body = BodyType::Unsaid;
};

struct Refused {
  int code = 501;
  std::string_view enhanced;  // literals
  std::string text;
};

template <typename T>
struct Parsed {
  std::optional<T> value;
  Refused refused;  // when there is no value
};

// `argument`: what follows the verb, "FROM:<a@b> SIZE=1".  `auth` tells whether AUTH= is known.
Parsed<MailArguments> parse_mail(std::string_view argument, bool auth);
Parsed<Path> parse_rcpt(std::string_view argument);

// The argument of HELO, EHLO, LHLO: a name or literal; what does no harm is taken, as there are
// clients with any name.  Bytes that would mean something in a Received field become '_'.
std::optional<std::string> helo_name(std::string_view argument);
bool valid_domain(std::string_view domain);           // "example.org"
bool valid_address_literal(std::string_view domain);  // "[192.0.2.1]", "[IPv6:::1]"

}  // namespace dmail::dsmtpd

#include "dsmtpd/path_parser.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "dsmtpd/limits.h"

namespace dmail::dsmtpd {
namespace {

struct Cursor {
  std::string_view rest;
  Refused refused;

  bool fail(std::string_view enhanced, std::string_view text, int code = 501) {
    refused = {code, enhanced, std::string(text)};
    return false;
  }
  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
};

// Local-part = Dot-string / Quoted-string
bool expect_local(Cursor& in, std::string& local) {
  if (in.take('"')) {
    for (;;) {
      if (in.rest.empty()) return in.fail("5.1.3", "Quoted local part has no end");
      char c = in.rest[0];
      in.rest.remove_prefix(1);
      if (c == '"') break;
      if (c == '\\') {
        if (in.rest.empty()) return in.fail("5.1.3", "Quoted local part has no end");
        c = in.rest[0];
        in.rest.remove_prefix(1);
      }
      if (is_8bit(c) || is_control(c)) return in.fail("5.1.3", "Bad byte in an address");
      local += c;
    }
  } else {
    size_t n = 0;
    while (n < in.rest.size() && (is_atext(in.rest[n]) || in.rest[n] == '.')) ++n;
    local = in.rest.substr(0, n);
    in.rest.remove_prefix(n);
    if (!is_dot_string(local)) return in.fail("5.1.3", "Bad address syntax");
  }
  if (local.empty()) return in.fail("5.1.3", "Empty local part");
  if (local.size() > kMaxLocalPart) return in.fail("5.1.3", "Local part is too long");
  return true;
}

// Domain / address-literal
bool expect_domain(Cursor& in, std::string& domain) {
  const size_t end = in.rest.empty() || in.rest[0] != '['
                         ? std::min(in.rest.find_first_of(",:> "), in.rest.size())
                         : in.rest.find(']') + 1;
  if (end == 0) return in.fail("5.1.3", "Bad address syntax");
  domain = in.rest.substr(0, end);
  in.rest.remove_prefix(end);
  if (domain.size() > 1 && domain.back() == '.') domain.pop_back();
  if (!valid_domain(domain) && !valid_address_literal(domain))
    return in.fail("5.1.3", "Bad domain in an address");
  return true;
}

// A-d-l ":" with A-d-l = At-domain *( "," At-domain ); ignored, as RFC 5321 section 3.6.1 says.
bool skip_source_route(Cursor& in) {
  if (in.rest.empty() || in.rest[0] != '@') return true;
  std::string ignored;
  do {
    if (!in.take('@')) return in.fail("5.1.3", "Bad source route");
    if (!expect_domain(in, ignored)) return false;
  } while (in.take(','));
  return in.take(':') || in.fail("5.1.3", "Bad source route");
}

// Path = "<" [ A-d-l ":" ] Mailbox ">"
bool expect_path(Cursor& in, Path& path, bool may_be_null) {
  while (in.take(' ')) continue;
  const bool brackets = in.take('<');
  if (!brackets && in.rest.empty()) return in.fail("5.5.4", "Write the address in angle brackets");
  if (brackets && in.take('>')) return may_be_null || in.fail("5.1.3", "Empty address");
  if (!skip_source_route(in) || !expect_local(in, path.local)) return false;
  if (in.take('@')) {
    if (!expect_domain(in, path.domain)) return false;
  } else if (!iequals(path.local, "postmaster")) {
    return in.fail("5.1.3", "The address needs a domain");
  }
  if (brackets && !in.take('>')) return in.fail("5.1.3", "Bad address syntax");
  return in.rest.empty() || in.rest[0] == ' ' || in.fail("5.5.4", "Bad syntax after the address");
}

// "FROM:" or "TO:" in any case, no blank before the colon.
bool expect_keyword(Cursor& in, std::string_view keyword) {
  if (!istarts_with(in.rest, keyword))
    return in.fail("5.5.4", concat("Syntax: ", keyword, "<address>"));
  in.rest.remove_prefix(keyword.size());
  return true;
}

// xtext of RFC 3461 section 4, or "<>".
bool is_xtext(std::string_view s) {
  if (s == "<>") return true;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '+') {
      if (s.size() - i < 3 || hex_value(s[i + 1]) < 0 || hex_value(s[i + 2]) < 0) return false;
      i += 2;
    } else if (!is_graph(s[i]) || s[i] == '=') {
      return false;
    }
  }
  return !s.empty();
}

// One esmtp-param; `value` is empty when there is no "=".
bool take_mail_parameter(Cursor& in, std::string_view name, std::string_view value, bool auth,
                         MailArguments& out) {
  if (iequals(name, "SIZE")) {
    out.size = parse_u64(value);
    return out.size.has_value() || in.fail("5.5.4", "Bad SIZE");
  }
  if (iequals(name, "BODY")) {
    if (iequals(value, "7BIT")) {
      out.body = BodyType::SevenBit;
    } else if (iequals(value, "8BITMIME")) {
      out.body = BodyType::EightBitMime;
    } else {
      return in.fail("5.5.4", "Bad BODY");
    }
    return true;
  }
  if (auth && iequals(name, "AUTH")) return is_xtext(value) || in.fail("5.5.4", "Bad AUTH");
  return in.fail("5.5.4", "Unknown parameter", 555);
}

constexpr size_t kMaxParameters = 8;

}  // namespace

Parsed<MailArguments> parse_mail(std::string_view argument, bool auth) {
  Parsed<MailArguments> parsed;
  Cursor in{argument, {}};
  MailArguments out;
  size_t parameters = 0;
  bool good = expect_keyword(in, "FROM:") && expect_path(in, out.sender, true);
  while (good && !in.rest.empty()) {
    while (in.take(' ')) continue;
    if (in.rest.empty()) break;
    std::string_view value = in.rest.substr(0, in.rest.find(' '));
    in.rest.remove_prefix(value.size());
    const std::string_view name = take_until(value, '=');
    good = ++parameters <= kMaxParameters ? take_mail_parameter(in, name, value, auth, out)
                                          : in.fail("5.5.4", "Too many parameters");
  }
  if (good) parsed.value = std::move(out);
  parsed.refused = std::move(in.refused);
  return parsed;
}

Parsed<Path> parse_rcpt(std::string_view argument) {
  Parsed<Path> parsed;
  Cursor in{argument, {}};
  Path path;
  bool good = expect_keyword(in, "TO:") && expect_path(in, path, false);
  if (good && !trim(in.rest).empty()) good = in.fail("5.5.4", "Unknown parameter", 555);
  if (good) parsed.value = std::move(path);
  parsed.refused = std::move(in.refused);
  return parsed;
}

std::optional<std::string> helo_name(std::string_view argument) {
  std::string name(trim(argument));
  if (name.empty() || name.size() > kMaxHelo) return std::nullopt;
  for (char& c : name) {
    if (is_control(c)) return std::nullopt;
    if (!is_alnum(c) && std::string_view("-._:[]%+").find(c) == std::string_view::npos) c = '_';
  }
  return name;
}

bool valid_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > kMaxDomain) return false;
  for (const std::string_view label : split(domain, '.')) {
    if (label.empty() || label.size() > kMaxLabel || label.front() == '-' || label.back() == '-')
      return false;
    for (const char c : label)
      if (!is_alnum(c) && c != '-' && c != '_') return false;
  }
  return true;
}

bool valid_address_literal(std::string_view domain) {
  if (domain.size() < 3 || domain.size() > 64 || domain.front() != '[' || domain.back() != ']')
    return false;
  std::string_view inside = domain.substr(1, domain.size() - 2);
  in6_addr address;  // large enough for both
  if (istarts_with(inside, "IPv6:"))
    return ::inet_pton(AF_INET6, std::string(inside.substr(5)).c_str(), &address) == 1;
  return ::inet_pton(AF_INET, std::string(inside).c_str(), &address) == 1;
}

}  // namespace dmail::dsmtpd

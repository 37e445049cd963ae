// What must hold for every message of a collection of real mail: DMAIL_MAIL_DIR names its directory
// (default ../shared/mail beside the source tree).  Skipped, and said so, when it is not there.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/utf7.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/line_scan.h"
#include "mail/mail_date.h"
#include "mail/search.h"
#include "mail/structure.h"

using namespace dmail::mail;
namespace fs = std::filesystem;

namespace {

fs::path mail_dir() {
  const char* named = std::getenv("DMAIL_MAIL_DIR");
  for (const fs::path& dir : {fs::path(named == nullptr ? "" : named), fs::path("../shared/mail"),
                              fs::path("../../shared/mail")})
    if (!dir.empty() && fs::is_directory(dir)) return dir;
  return {};
}

std::string read_crlf(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string raw((std::istreambuf_iterator<char>(in)), {});
  std::string out;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r')) out += '\r';
    out += raw[i];
  }
  return out;
}

// Every part by its number, the way a client walks a BODYSTRUCTURE.
void check_part(const Structure& s, const Part& part, std::vector<uint32_t>& path, bool message,
                size_t& seen) {
  const Part* container = &part;
  if (!message) {
    ++seen;
    CHECK(find_part(s, path) == &part);
    if (part.type == "MESSAGE" && !part.children.empty()) {
      container = &s.parts[part.children[0]];
      ++seen;
    }
  }
  if (container->type == "MULTIPART") {
    for (size_t i = 0; i < container->children.size(); ++i) {
      path.push_back(static_cast<uint32_t>(i + 1));
      check_part(s, s.parts[container->children[i]], path, false, seen);
      path.pop_back();
    }
  } else if (message || container != &part) {
    path.push_back(1);
    CHECK(find_part(s, path) == container);
    if (container->type == "MESSAGE" && !container->children.empty()) {
      --seen;
      check_part(s, *container, path, false, seen);
    }
    path.pop_back();
  }
}

// Reads one parenthesised value of IMAP; false when it is none.
bool balanced(std::string_view s) {
  size_t depth = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '"') {
      for (++i; i < s.size() && s[i] != '"'; ++i) {
        if (static_cast<unsigned char>(s[i]) >= 0x80 || s[i] == '\r' || s[i] == '\n' ||
            s[i] == '\0')
          return false;
        if (s[i] == '\\') ++i;
      }
      if (i >= s.size()) return false;
    } else if (s[i] == '{') {
      const size_t end = s.find("}\r\n", i);
      if (end == std::string_view::npos) return false;
      i = end + 2 + std::stoul(std::string(s.substr(i + 1, end - i - 1)));
    } else if (s[i] == '(') {
      ++depth;
    } else if (s[i] == ')') {
      if (depth-- == 0) return false;
      if (depth == 0) return i + 1 == s.size();
    } else if (static_cast<unsigned char>(s[i]) >= 0x7f ||
               static_cast<unsigned char>(s[i]) < 0x20) {
      return false;
    }
  }
  return false;
}

void check_message(const std::string& m) {
  const Structure s = parse_structure(m);
  REQUIRE_FALSE(s.parts.empty());
  const size_t header = header_size(m);
  CHECK(s.parts[0].body_start == header);
  for (const Part& p : s.parts) {
    REQUIRE(
        (p.header_start <= p.body_start && p.body_start <= p.body_end && p.body_end <= m.size()));
    uint64_t at = p.body_start;
    for (const size_t c : p.children) {
      REQUIRE(s.parts[c].header_start >= at);
      REQUIRE(s.parts[c].body_end <= p.body_end);
      at = s.parts[c].body_end;
    }
    const std::string_view body =
        std::string_view(m).substr(p.body_start, p.body_end - p.body_start);
    CHECK(p.lines == count_newlines(body));
    const std::string text = to_utf8(decode_transfer(body, p.encoding), p.charset);
    CHECK(dmail::is_utf8(text));
  }
  size_t seen = 1;
  std::vector<uint32_t> path;
  if (s.parts[0].type == "MESSAGE") {
    path = {1};
    check_part(s, s.parts[0], path, false, seen);
    --seen;
  } else {
    check_part(s, s.parts[0], path, true, seen);
  }
  CHECK(seen == s.parts.size());
  CHECK(balanced(envelope_text(std::string_view(m).substr(0, header))));
  CHECK(balanced(body_text(m, s, false)));
  CHECK(balanced(body_text(m, s, true)));
  const TextNeedle absent("qzx needle that is in no message, äöü");
  CHECK_FALSE(absent.in_text(m, s));
  FieldCursor cursor(m);
  Field field;
  while (cursor.next(field)) {
    const std::string value = decode_header(field.value);
    CHECK(dmail::is_utf8(value));
    CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    CHECK(value.size() <= 4 * field.value.size());
    CHECK(TextNeedle(value.substr(0, value.find("\xef\xbf\xbd"))).in_header(field.value));
  }
}

}  // namespace

TEST_CASE("every message of the collection keeps the rules") {
  const fs::path dir = mail_dir();
  if (dir.empty()) {
    WARN("skipped: no collection of mail (DMAIL_MAIL_DIR)");
    return;
  }
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path().string());
    const std::string m = read_crlf(entry.path());
    check_message(m);
    check_message(m.substr(0, m.size() / 2));
    ++count;
  }
  CHECK(count > 0);
}

TEST_CASE("M22: Crispin's torture test message, part by part") {
  const fs::path dir = mail_dir();
  const fs::path file = dir / "crispin-torture" / "mime.2.eml";
  if (dir.empty() || !fs::exists(file)) {
    WARN("skipped: no crispin-torture/mime.2.eml in the collection of mail (DMAIL_MAIL_DIR)");
    return;
  }
  const std::string m = read_crlf(file);
  const Structure s = parse_structure(m);
  CHECK(s.parts.size() == 52);
  CHECK(s.parts[0].children.size() == 12);
  // Sizes as Python's email package sees them.
  struct Row {
    std::vector<uint32_t> path;
    const char* type;
    size_t octets;
    const char* encoding;
  };
  for (const Row& row :
       {Row{{1}, "TEXT/PLAIN", 190, "7BIT"}, Row{{2, 1}, "TEXT/PLAIN", 767, "7BIT"},
        Row{{2, 2, 1}, "TEXT/RICHTEXT", 887, "QUOTED-PRINTABLE"},
        Row{{3, 1}, "AUDIO/BASIC", 561308, "BASE64"}, Row{{4}, "AUDIO/BASIC", 36234, "BASE64"},
        Row{{6, 2, 3}, "APPLICATION/X-BE2", 46125, "7BIT"},
        Row{{8, 2}, "IMAGE/PBM", 71686, "BASE64"},
        Row{{9, 1}, "APPLICATION/POSTSCRIPT", 397154, "7BIT"},
        Row{{10}, "IMAGE/GIF", 78302, "QUOTED-PRINTABLE"},
        Row{{12, 3, 2, 2}, "AUDIO/BASIC", 156706, "BASE64"},
        Row{{12, 3, 3}, "APPLICATION/ATOMICMAIL", 4924, "7BIT"},
        Row{{12, 3, 4, 1}, "AUDIO/X-SUN", 75682, "BASE64"}}) {
    const Part* p = find_part(s, row.path);
    REQUIRE(p != nullptr);
    CHECK(p->type + "/" + p->subtype == row.type);
    CHECK(p->body_end - p->body_start == row.octets);
    CHECK(p->encoding == row.encoding);
  }
  CHECK(find_part(s, {13}) == nullptr);
  CHECK(find_part(s, {12, 3, 5}) == nullptr);
  CHECK(find_part(s, {12, 3, 4, 2}) == nullptr);
  const Part* message = find_part(s, {12, 3, 4});
  REQUIRE(message != nullptr);
  CHECK(message->type == "MESSAGE");
  const Part* first = find_part(s, {2});
  REQUIRE(first != nullptr);
  const std::string envelope = envelope_text(std::string_view(m).substr(first->body_start));
  CHECK(envelope.find("\"Nathaniel Borenstein\"") != std::string::npos);
}

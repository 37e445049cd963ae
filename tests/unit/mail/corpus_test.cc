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

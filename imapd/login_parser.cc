#include "imapd/login_parser.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"

namespace dmail::imapd {
namespace {

constexpr size_t kMaxTag = 64;
constexpr size_t kMaxMechanism = 20;  // RFC 4422 section 3.1
constexpr int kMaxIdPairs = 30;       // RFC 2971 section 3.3

// ASTRING-CHAR = ATOM-CHAR / "]"
bool is_astring_char(char c) {
  return is_graph(c) && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}

template <typename Test>
std::string_view take_run(std::string_view& rest, Test test) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), test);
  const std::string_view run = rest.substr(0, static_cast<size_t>(end - rest.begin()));
  rest.remove_prefix(run.size());
  return run;
}

}  // namespace

bool LoginParser::take(char c) {
  if (!rest_.starts_with(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

bool LoginParser::space() { return take(' '); }

std::optional<std::string_view> LoginParser::tag() {
  const auto t = take_run(rest_, [](char c) { return is_astring_char(c) && c != '+'; });
  if (t.empty() || t.size() > kMaxTag) return std::nullopt;
  return t;
}

std::optional<std::string_view> LoginParser::word() {
  const auto w = take_run(rest_, [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
  if (w.empty()) return std::nullopt;
  return w;
}

std::optional<std::string_view> LoginParser::mechanism() {
  const auto m = take_run(rest_, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
  if (m.empty() || m.size() > kMaxMechanism) return std::nullopt;
  return m;
}

std::optional<std::string> LoginParser::astring() {
  if (rest_.starts_with('"')) return quoted();
  if (rest_.starts_with('{')) return literal();
  const auto atom = take_run(rest_, is_astring_char);
  if (atom.empty()) return std::nullopt;
  return std::string(atom);
}

// quoted = DQUOTE *(any TEXT-CHAR except DQUOTE and "\" / "\" DQUOTE / "\" "\") DQUOTE
std::optional<std::string> LoginParser::quoted() {
  std::string out;
  for (size_t i = 1; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '"') {
      rest_.remove_prefix(i + 1);
      return out;
    }
    if (c == '\\') {
      if (++i == rest_.size()) break;
      c = rest_[i];
      if (c != '"' && c != '\\') break;
    }
    if (c == '\0' || c == '\r' || c == '\n') break;
    out += c;
  }
  return std::nullopt;
}

// literal = "{" number ["+"] "}" CRLF *CHAR8
std::optional<std::string> LoginParser::literal() {
  const size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = rest_.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto mark = literal_mark(line);
  if (!mark || line.rfind('{') != 0 || rest_.size() - end - 1 < mark->size) return std::nullopt;
  std::string out(rest_.substr(end + 1, mark->size));
  rest_.remove_prefix(end + 1 + mark->size);
  if (out.find('\0') != std::string::npos) return std::nullopt;
  return out;
}

std::optional<std::string_view> LoginParser::remainder() {
  if (rest_.empty() || rest_.find_first_of(" \t\r\n") != std::string_view::npos)
    return std::nullopt;
  return std::exchange(rest_, std::string_view());
}

bool LoginParser::nil() {
  if (!istarts_with(rest_, "nil")) return false;
  rest_.remove_prefix(3);
  return true;
}

std::optional<std::vector<std::pair<std::string, std::string>>> LoginParser::id_parameters() {
  std::vector<std::pair<std::string, std::string>> out;
  auto string_here = [this] { return rest_.starts_with('"') || rest_.starts_with('{'); };
  if (!nil()) {
    if (!take('(')) return std::nullopt;
    for (int pairs = 0; !take(')'); ++pairs) {
      if (pairs == kMaxIdPairs || (pairs > 0 && !space()) || !string_here()) return std::nullopt;
      auto name = astring();
      if (!name || !space()) return std::nullopt;
      std::optional<std::string> value;
      if (nil())
        value.emplace();
      else if (string_here())
        value = astring();
      if (!value) return std::nullopt;
      out.emplace_back(std::move(*name), std::move(*value));
    }
  }
  if (!at_end()) return std::nullopt;
  return out;
}

std::optional<LiteralMark> literal_mark(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  line.remove_suffix(1);
  LiteralMark mark;
  if (line.ends_with('+')) {
    mark.waits = false;
    line.remove_suffix(1);
  }
  const size_t brace = line.rfind('{');
  if (brace == std::string_view::npos) return std::nullopt;
  const auto size = parse_u64(line.substr(brace + 1), 0xffffffff);
  if (!size) return std::nullopt;
  mark.size = *size;
  return mark;
}

}  // namespace dmail::imapd

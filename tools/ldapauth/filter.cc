#include "tools/ldapauth/filter.h"

#include <algorithm>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"

namespace dmail::ldapauth {
namespace {

// Never true in any directory: every entry has an objectClass.
constexpr std::string_view kFalse = "(!(objectClass=*))";

// Whether `text` holds one of %c for the letters.
bool holds(std::string_view text, std::string_view letters) {
  for (size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '%' && letters.find(text[++i]) != std::string_view::npos) return true;
  return false;
}

// One filter in its parentheses.
struct Node {
  char kind;              // & | ! or = for a comparison
  std::string_view text;  // with the parentheses

  [[nodiscard]] std::vector<Node> parts() const;
};

// The filters that stand side by side in `text`.
std::vector<Node> nodes(std::string_view text) {
  std::vector<Node> all;
  size_t start = 0;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(' && depth++ == 0) start = i;
    if (text[i] != ')' || depth == 0 || --depth != 0) continue;
    const char kind = text[start + 1];
    const bool list = kind == '&' || kind == '|' || kind == '!';
    all.push_back({list ? kind : '=', text.substr(start, i + 1 - start)});
  }
  return all;
}

std::vector<Node> Node::parts() const { return nodes(text.substr(2, text.size() - 3)); }

// Whether an entry that it finds has the domain that was asked for.
bool compares_domain(const Node& node) {
  if (node.kind == '!') return false;
  if (node.kind == '=') return holds(node.text, "ud");
  const std::vector<Node> parts = node.parts();
  return node.kind == '&'
             ? std::any_of(parts.begin(), parts.end(), compares_domain)
             : !parts.empty() && std::all_of(parts.begin(), parts.end(), compares_domain);
}

// `node` for a domain of others; `compared`: a filter that has to be true as well compares it.
std::string closed(const Node& node, bool compared) {
  if (node.kind == '=') {
    const bool open = compared || compares_domain(node) || !holds(node.text, "n");
    return std::string(open ? node.text : kFalse);
  }
  if (node.kind == '!') return std::string(node.text);
  std::string out = concat('(', node.kind);
  for (const Node& part : node.parts())
    out += closed(part, compared || (node.kind == '&' && compares_domain(node)));
  return out + ')';
}

std::string for_others(std::string_view filter) {
  std::string out;
  for (const Node& node : nodes(filter)) out += closed(node, false);
  return out;
}

void find_name(const Node& node, bool compared, std::string_view wanted, NameAttribute& found) {
  if (!found.attribute.empty() || node.kind == '!') return;
  if (node.kind != '=') {
    for (const Node& part : node.parts())
      find_name(part, compared || (node.kind == '&' && compares_domain(node)), wanted, found);
    return;
  }
  const std::string_view inner = node.text.substr(1, node.text.size() - 2);
  const size_t equals = inner.find('=');
  if (equals == std::string_view::npos || inner.substr(equals + 1) != wanted) return;
  found.attribute = inner.substr(0, inner.find_first_of("=~<>:"));
  found.within_domain = wanted == "%n" && compared;
}

std::string filled_in(std::string_view filter, const Asked& asked) {
  std::string out;
  for (size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '%' || i + 1 == filter.size()) {
      out += filter[i];
      continue;
    }
    const char c = filter[++i];
    if (c == 'u') out += escape_value(asked.user);
    if (c == 'n') out += escape_value(asked.name);
    if (c == 'd') out += escape_value(asked.domain);
    if (c == '%') out += '%';
  }
  return out;
}

}  // namespace

std::string_view filter_fault(std::string_view filter) {
  if (filter.size() > kMaxFilter) return "filter too long";
  if (!filter.starts_with('(') || !filter.ends_with(')')) return "a filter is in parentheses";
  int depth = 0;
  bool names_user = false;
  for (size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] == '(') ++depth;
    if (filter[i] == ')' && --depth < 0) return "parentheses do not match";
    if (depth == 0 && i + 1 < filter.size()) return "several filters are joined by & or |";
    if (filter[i] != '%') continue;
    const char c = ++i < filter.size() ? filter[i] : '\0';
    if (c != 'u' && c != 'n' && c != 'd' && c != '%') return "after % comes u, n, d or %";
    names_user |= c == 'u' || c == 'n';
  }
  if (depth != 0) return "parentheses do not match";
  return names_user ? std::string_view() : "without %u or %n it finds the same entry for everybody";
}

std::string escape_value(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (is_control(c) || is_8bit(c) || c == '*' || c == '(' || c == ')' || c == '\\') {
      out += '\\';
      append_hex(out, static_cast<unsigned char>(c), 2);
    } else {
      out += c;
    }
  }
  return out;
}

bool is_closed(std::string_view filter) { return for_others(filter) != filter; }

std::string expand(std::string_view filter, const Asked& asked) {
  return filled_in(asked.home ? std::string(filter) : for_others(filter), asked);
}

NameAttribute name_attribute(std::string_view filter) {
  NameAttribute found;
  for (std::string_view wanted : {"%n", "%u", "%n@%d"})
    for (const Node& node : nodes(filter)) find_name(node, false, wanted, found);
  return found;
}

}  // namespace dmail::ldapauth

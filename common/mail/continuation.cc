#include "mail/continuation.h"

#include <map>
#include <optional>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::mail {
namespace {

struct Piece {
  std::string base;  // lower case
  uint32_t number = 0;
  bool coded = false;
};

// "name*12" or "name*12*".
std::optional<Piece> piece_of(std::string_view name) {
  Piece piece;
  piece.coded = name.ends_with('*');
  if (piece.coded) name.remove_suffix(1);
  const size_t star = name.rfind('*');
  if (star == name.npos || star == 0) return std::nullopt;
  const std::string_view digits = name.substr(star + 1);
  const auto number = parse_u32(digits, 9999);
  if (!number || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  piece.base = lower(name.substr(0, star));
  piece.number = *number;
  return piece;
}

// attribute-char of RFC 2231 section 7.
bool is_plain(char c) {
  return is_graph(c) && std::string_view("*'%()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

void append_coded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (char c : text) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
}

}  // namespace

void join_continuations(std::vector<Parameter>& parameters) {
  std::map<std::string, std::map<uint32_t, size_t>> pieces;  // by base, by number: place
  for (size_t i = 0; i < parameters.size(); ++i)
    if (const auto piece = piece_of(parameters[i].name))
      pieces[piece->base].emplace(piece->number, i);
  std::vector<bool> gone(parameters.size(), false);
  for (const auto& [base, places] : pieces) {
    if (!places.contains(0)) continue;
    std::vector<size_t> run;
    bool coded = false;
    for (uint32_t n = 0; places.contains(n); ++n) {
      run.push_back(places.at(n));
      coded = coded || parameters[run.back()].name.ends_with('*');
    }
    Parameter& first = parameters[run[0]];
    if (run.size() == 1 && places.size() > 1) continue;
    // A charset is said in the first piece or nowhere.
    std::string value;
    if (coded && !first.name.ends_with('*')) value = "''";
    for (size_t at : run) {
      const Parameter& p = parameters[at];
      if (!coded || p.name.ends_with('*'))
        value += p.value;
      else
        append_coded(value, p.value);
      gone[at] = at != run[0];
    }
    first.name = concat(first.name.substr(0, base.size()), coded ? "*" : "");
    first.value = std::move(value);
  }
  size_t to = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gone[i]) continue;
    if (to != i) parameters[to] = std::move(parameters[i]);
    ++to;
  }
  parameters.resize(to);
}

}  // namespace dmail::mail

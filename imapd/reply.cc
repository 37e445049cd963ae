#include "imapd/reply.h"

#include "base/ascii.h"
#include "imapd/parser.h"

namespace dmail::imapd {
namespace {

constexpr size_t kMaxQuoted = 1000;

bool quotable(std::string_view s) {
  if (s.size() > kMaxQuoted) return false;
  for (char c : s)
    if (is_8bit(c) || c == '\r' || c == '\n' || c == '\0') return false;
  return true;
}

}  // namespace

void append_string(std::string& out, std::string_view s) {
  if (!quotable(s)) {
    dmail::append(out, '{');
    dmail::append(out, s.size());
    out += "}\r\n";
    out += s;
    return;
  }
  out += '"';
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_astring(std::string& out, std::string_view s) {
  bool atom = !s.empty() && !iequals(s, "NIL");
  for (char c : s) atom = atom && is_atom_char(c);
  if (atom)
    out += s;
  else
    append_string(out, s);
}

void append_text(std::string& out, std::string_view s) {
  for (char c : s) out += is_control(c) || is_8bit(c) ? '?' : c;
}

void Reply::tagged(std::string_view tag, std::string_view command, const Outcome& outcome) {
  std::string& b = out_->buffer();
  b += tag;
  switch (outcome.kind) {
    case Outcome::Kind::Ok:
      b += " OK ";
      break;
    case Outcome::Kind::No:
      b += " NO ";
      break;
    case Outcome::Kind::Bad:
      b += " BAD ";
      break;
  }
  if (!outcome.code.empty()) {
    b += '[';
    b += outcome.code;
    b += "] ";
  }
  if (outcome.text.empty()) {
    b += command;
    b += " completed";
  } else {
    append_text(b, outcome.text);
  }
  b += "\r\n";
  out_->flush_if_full();
}

void Reply::continuation(std::string_view text) {
  std::string& b = out_->buffer();
  b += "+ ";
  b += text;
  b += "\r\n";
}

void Reply::release_memory() {
  if (out_->buffer().empty()) std::string().swap(out_->buffer());
}

}  // namespace dmail::imapd

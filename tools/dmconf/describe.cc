#include "describe.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace dmail::dmconf {

using conf::Row;
using Type = conf::Row::Type;

namespace {

// Defaults that the person who built dmail chose; the manual page doesn't depend on them.
bool is_configured(const Row& row) {
  return row.name == "mail_user" || row.name == "login_user" || row.name == "auth_user" ||
         row.name == "module_user" || row.name == "jail_path";
}

// Text for troff: no byte of it is a request or an escape.
std::string roff(std::string_view s) {
  std::string out;
  if (s.starts_with('.') || s.starts_with('\'')) out = "\\&";
  for (char c : s) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string man_entry(const Row& row) {
  std::string out = concat(".TP\n\\fB", roff(row.name), "\\fR");
  if (const std::string argument = argument_of(row); !argument.empty())
    out += concat(" \\fI", roff(argument), "\\fR");
  out += concat('\n', roff(row.doc), '\n');
  if (const std::string facts = facts_of(row); !facts.empty()) out += concat(roff(facts), '\n');
  if (const std::string programs = programs_of(row); !programs.empty())
    out += concat("(", programs, ")\n");
  return out;
}

}  // namespace

std::string argument_of(const Row& row) {
  switch (row.type) {
    case Type::Bool:
      return "true|false";
    case Type::Int:
      return std::string(row.choices_or_unit);
    case Type::Quota:
      return "true|false|kbytes";
    case Type::Word: {
      std::string choices(row.choices_or_unit);
      std::replace(choices.begin(), choices.end(), ' ', '|');
      return choices;
    }
    case Type::Text:
      return "text";
    case Type::Path:
      return "path";
    case Type::List:
      if (row.words == 0) return "word...";
      if (row.words == 1) return "word";
      return concat(row.words, row.name == "remote_host" ? " words or more" : " words");
    case Type::Ignored:
      break;
  }
  return {};
}

std::string facts_of(const Row& row) {
  if (row.type == Type::Ignored) return row.defer ? "While it is there all mail is deferred." : "";
  std::string facts = is_configured(row)         ? "Default: as dmail was configured."
                      : row.default_text.empty() ? "Default: none."
                                                 : concat("Default: ", row.default_text, ".");
  if (row.type == Type::Int) facts += concat(" From ", row.low, " to ", row.high, ".");
  if (row.type == Type::List) facts += " Repeatable.";
  if (row.defer) facts += " A mistake in it stops all mail.";
  return facts;
}

std::string programs_of(const Row& row) {
  if (row.programs == conf::kAll) return {};
  std::string names;
  const auto add = [&](conf::Program bit, std::string_view name) {
    if ((row.programs & bit) != 0) names += concat(names.empty() ? "" : ", ", name);
  };
  add(conf::kImapd, "imapd");
  add(conf::kDpopd, "dpopd");
  add(conf::kDsmtpd, "dsmtpd");
  // Rows of kTools alone: the original's list server, which there is none of, and authpool.
  add(conf::kTools, row.type == Type::Ignored ? "DList" : "authpool");
  return names;
}

std::string man_section() {
  std::string out = ".\\\" Made by `dmconf man`; change common/conf/settings.def instead.\n";
  std::string_view section;
  for (const Row& row : conf::rows()) {
    if (row.section != section) out += concat(".SS ", row.section, '\n');
    section = row.section;
    out += man_entry(row);
  }
  return out;
}

}  // namespace dmail::dmconf

#include "tools/dmwho/table.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::dmwho {
namespace {

constexpr size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;
constexpr std::array<std::string_view, kColumns> kNames = {"user",  "service", "tls", "address",
                                                           "since", "pid",     "sid", "program"};

std::string time_text(int64_t seconds, bool utc) {
  const time_t t = static_cast<time_t>(seconds);
  tm parts{};
  if ((utc ? ::gmtime_r(&t, &parts) : ::localtime_r(&t, &parts)) == nullptr) return "?";
  char text[32];
  const size_t n = std::strftime(text, sizeof text, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%F %T", &parts);
  return {text, n};
}

Row row_of(const Session& s, bool utc) {
  return {s.facts.user,
          s.facts.service,
          s.facts.tls ? "yes" : "no",
          s.facts.client_ip.empty() ? "-" : s.facts.client_ip,
          time_text(s.facts.since, utc),
          concat(s.pid),
          s.facts.session_id,
          s.program};
}

// Padded to the widest of each column; the last one is not.
std::string text_of(const std::vector<Row>& rows) {
  std::array<size_t, kColumns> width{};
  for (const Row& row : rows)
    for (size_t i = 0; i + 1 < kColumns; ++i) width[i] = std::max(width[i], row[i].size());
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      out += row[i];
      if (i + 1 < kColumns) out.append(width[i] - std::min(width[i], row[i].size()) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (is_control(c)) {
      out += "\\u00";
      append_hex(out, static_cast<unsigned char>(c), 2);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string table(const std::vector<Session>& sessions, Form form) {
  if (form == Form::Json) {
    std::string out = "[";
    for (size_t i = 0; i < sessions.size(); ++i) {
      const Row row = row_of(sessions[i], true);
      out += i == 0 ? "\n  {" : ",\n  {";
      for (size_t c = 0; c < kColumns; ++c) {
        const bool bare = kNames[c] == "pid";
        const std::string value = kNames[c] == "tls" ? (sessions[i].facts.tls ? "true" : "false")
                                  : bare             ? row[c]
                                                     : json_text(row[c]);
        out += concat(c == 0 ? "" : ", ", '"', kNames[c], "\": ", value);
      }
      out += '}';
    }
    return out + "\n]\n";
  }
  std::vector<Row> rows(1);
  for (size_t i = 0; i < kColumns; ++i)
    rows[0][i] = form == Form::Text ? upper(kNames[i]) : std::string(kNames[i]);
  for (const Session& session : sessions) rows.push_back(row_of(session, form == Form::Csv));
  if (form == Form::Text) {
    for (Row& row : rows)
      for (std::string& cell : row) cell = escaped(cell, 200);
    return text_of(rows);
  }
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) out += concat(i == 0 ? "" : ",", csv_cell(row[i]));
    out += '\n';
  }
  return out;
}

}  // namespace dmail::dmwho

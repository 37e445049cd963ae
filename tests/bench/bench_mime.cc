// What the mail parsers cost: `make build/tests/bench_mime`, then build/tests/bench_mime MBOX
// [NEEDLE] prints microseconds a message and MB a second for each step over every message of an
// mbox file, in CRLF form as the store hands it out.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "mail/header.h"
#include "mail/mail_date.h"
#include "mail/search.h"
#include "mail/structure.h"

using namespace dmail::mail;

namespace {

std::vector<std::string> read_messages(const char* file) {
  std::ifstream in(file, std::ios::binary);
  const std::string raw((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> messages;
  for (size_t at = 0; at < raw.size();) {
    size_t end = raw.find('\n', at);
    end = end == std::string::npos ? raw.size() : end + 1;
    const std::string_view line(raw.data() + at, end - at);
    at = end;
    if (line.starts_with("From ")) {
      messages.emplace_back();
    } else if (!messages.empty()) {
      const bool lf = line.ends_with('\n');
      messages.back().append(line.substr(0, line.size() - (lf ? 1 : 0)));
      if (lf) messages.back() += "\r\n";
    }
  }
  return messages;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::vector<std::string> messages = read_messages(argv[1]);
  const TextNeedle needle(argc > 2 ? argv[2] : "no such words");
  size_t octets = 0;
  size_t sink = 0;
  for (const std::string& m : messages) octets += m.size();
  std::vector<Structure> structures;
  for (const std::string& m : messages) structures.push_back(parse_structure(m));
  const auto measure = [&](const char* what, const std::function<size_t(size_t)>& step) {
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      const auto start = std::chrono::steady_clock::now();
      for (size_t i = 0; i < messages.size(); ++i) sink += step(i);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (took.count() < best) best = took.count();
    }
    std::printf("%-16s %8.2f us a message %8.0f MB/s %8.1f ms in all\n", what,
                best * 1e6 / static_cast<double>(messages.size()),
                static_cast<double>(octets) / best / 1e6, best * 1e3);
  };
  std::printf("%zu messages, %zu octets\n", messages.size(), octets);
  measure("header_size", [&](size_t i) { return header_size(messages[i]); });
  measure("parse_structure", [&](size_t i) { return parse_structure(messages[i]).parts.size(); });
  measure("envelope_text", [&](size_t i) {
    return envelope_text(std::string_view(messages[i]).substr(0, structures[i].parts[0].body_start))
        .size();
  });
  measure("body_text",
          [&](size_t i) { return body_text(messages[i], structures[i], true).size(); });
  measure("parse_date", [&](size_t i) {
    return parse_date(find_field(messages[i], "date")).has_value() ? size_t{1} : size_t{0};
  });
  size_t hits = 0;
  measure("search body", [&](size_t i) {
    const bool hit = needle.in_body(messages[i], structures[i]);
    hits += hit ? 1 : 0;
    return size_t{hit};
  });
  measure("search text",
          [&](size_t i) { return size_t{needle.in_text(messages[i], structures[i])}; });
  std::printf("%zu hits\n", hits / 5);
  return sink == 0 ? 1 : 0;
}

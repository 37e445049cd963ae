// The dialogue over a pipe of strings, with ByHandBackend in place of the monitor.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "base/text.h"
#include "dsmtpd/by_hand.h"
#include "dsmtpd/session.h"
#include "io/connection_over.h"

namespace dmail::dsmtpd {

// Gives its input in pieces of `piece` bytes.
class StringStream : public Stream {
 public:
  StringStream(std::string input, size_t piece) : input_(std::move(input)), piece_(piece) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min({into.size(), piece_, input_.size() - at_});
    std::memcpy(into.data(), input_.data() + at_, n);
    at_ += n;
    return n;
  }
  void write(std::string_view bytes, Deadline) override { output.append(bytes); }
  [[nodiscard]] int read_fd() const override { return -1; }
  std::string output;

 private:
  std::string input_;
  size_t piece_;
  size_t at_ = 0;
};

struct Talk {
  SessionFacts facts{Service::Smtp, "host.example", "192.0.2.7", false, false, true};
  conf::Settings settings;
  ByHandBackend backend{"host.example"};
  size_t piece = 1 << 16;

  std::string operator()(const std::string& input) {
    StringStream stream(input, piece);
    LineReader in(stream);
    BufferedWriter buffer(stream, 1000);
    ReplyWriter out(buffer);
    Session session(facts, settings, in, out, backend);
    try {
      session.run();
      session.out().flush();
    } catch (const ConnectionOver&) {
      session.out().flush();
      return stream.output + "over";
    }
    return stream.output;
  }
};

// The codes of all final reply lines, "250 250 221".
inline std::string codes(const std::string& output) {
  std::string out;
  for (const std::string_view line : split(output, '\n'))
    if (line.size() > 3 && line[3] == ' ') out += concat(out.empty() ? "" : " ", line.substr(0, 3));
  return out;
}

inline const std::string kStart = "EHLO client.example\r\nMAIL FROM:<s@x.example>\r\n";
inline const std::string kReady = kStart + "RCPT TO:<bob@host.example>\r\n";

}  // namespace dmail::dsmtpd

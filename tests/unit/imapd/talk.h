// A session in memory for tests: lines in, the whole conversation out.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/session.h"
#include "tests/unit/imapd/fake_store.h"

namespace dmail::imapd::test {

// Gives `input` in pieces of at most `piece` octets, then the end; keeps what is written.
class MemoryStream : public Stream {
 public:
  explicit MemoryStream(std::string_view input, size_t piece = 4096)
      : left_(input), piece_(piece) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min({into.size(), left_.size(), piece_});
    std::memcpy(into.data(), left_.data(), n);
    left_.remove_prefix(n);
    return n;
  }
  void write(std::string_view bytes, Deadline) override {
    ++writes;
    output.append(bytes);
  }
  [[nodiscard]] int read_fd() const override { return -1; }
  [[nodiscard]] bool pending() const override { return !left_.empty(); }

  std::string output;
  int writes = 0;

 private:
  std::string_view left_;
  size_t piece_;
};

// All that a session on `store` answers to `input` (after its greeting).
inline std::string talk(FakeStore& store, std::string_view input, SessionConfig config = {},
                        size_t piece = 4096) {
  MemoryStream stream(input, piece);
  if (config.tag.empty()) {
    config.tag = "login";
    config.command = "LOGIN";
  }
  Session session(store, stream, config, [](bool, std::string_view) {});
  session.run();
  const std::string greeting = "login OK LOGIN completed\r\n";
  return stream.output.starts_with(greeting) ? stream.output.substr(greeting.size())
                                             : stream.output;
}

}  // namespace dmail::imapd::test

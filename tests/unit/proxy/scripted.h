// The other server as a script: what it says, and what it must have been told.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "io/connection_over.h"
#include "tools/proxy/backend.h"

namespace dmail::proxy {

// Each turn: bytes that the server waits for, then bytes that it sends.  The end of the script is
// the end of the connection.
class Scripted : public Stream {
 public:
  using Turn = std::pair<std::string, std::string>;
  using Turns = std::vector<Turn>;
  explicit Scripted(std::vector<Turn> turns) : turns_(std::move(turns)) {}

  size_t read(std::span<char> into, Deadline) override {
    if (at_ == turns_.size()) return 0;
    Turn& turn = turns_[at_];
    if (told_ != turn.first) {
      // Read too early, or something else was said.
      wrong += "told <" + told_ + "> instead of <" + turn.first + ">\n";
      at_ = turns_.size();
      return 0;
    }
    const size_t n = std::min(into.size(), turn.second.size());
    std::copy_n(turn.second.begin(), n, into.begin());
    turn.second.erase(0, n);
    if (turn.second.empty()) {
      told_.clear();
      ++at_;
    }
    return n;
  }
  void write(std::string_view bytes, Deadline) override { told_ += bytes; }
  [[nodiscard]] int read_fd() const override { return -1; }

  [[nodiscard]] bool finished() const { return at_ == turns_.size() && wrong.empty(); }
  [[nodiscard]] const std::string& told_last() const { return told_; }
  std::string wrong;

 private:
  std::vector<Turn> turns_;
  std::string told_;
  size_t at_ = 0;
};

// A backend on a script whose TLS is the script itself.
struct Talk {
  explicit Talk(std::vector<Scripted::Turn> turns)
      : stream(std::move(turns)), backend(stream, Deadline::in_seconds(5), [this] {
          ++handshakes;
          return Result<Stream*>(&stream);
        }) {}
  Scripted stream;
  int handshakes = 0;
  Backend backend;
};

}  // namespace dmail::proxy

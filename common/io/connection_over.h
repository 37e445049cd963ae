// Thrown where a connection cannot go on; caught in one place in each program.
#pragma once

#include <stdexcept>
#include <string>

namespace dmail {

class ConnectionOver : public std::runtime_error {
 public:
  enum class Why { PeerClosed, Timeout, WriteFailed, ProtocolBroken };
  ConnectionOver(Why why, const std::string& text) : std::runtime_error(text), why_(why) {}
  [[nodiscard]] Why why() const { return why_; }

 private:
  Why why_;
};

}  // namespace dmail

// A number that says which text a message has, from its bytes as they stand in the mail file: the
// same after another program has added, changed or taken away its bookkeeping fields
// (hidden_fields.h), another one after anything else of header or body changed.  48 bits, made to
// notice changes that nobody makes on purpose; a message is told by it and its From_ line and size.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::store {

class TextIdentity {
 public:
  // `header_only`: where reading all text would cost too much.
  explicit TextIdentity(bool header_only = false) : header_only_(header_only) {}
  // The text behind the From_ line and the block, in pieces of any size.
  void feed(std::string_view bytes);
  [[nodiscard]] uint64_t value();

 private:
  static constexpr size_t kLanes = 4, kStep = kLanes * 8;
  void feed_header(std::string_view& bytes);
  void take_line(std::string_view line);
  void feed_body(std::string_view bytes);
  void take_steps(const char* bytes, size_t steps);

  bool header_only_;
  std::string line_;  // of the header, as far as it is known
  bool in_header_ = true;
  bool hidden_ = false;  // the field whose line came last
  uint64_t header_ = 0x6865616465;
  std::array<uint64_t, kLanes> lanes_{0x626f6479, 1, 2, 3};
  std::array<char, kStep> rest_{};
  size_t rest_size_ = 0;
  uint64_t size_ = 0;
};

}  // namespace dmail::store

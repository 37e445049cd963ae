// A number that says which text a message has, from its bytes as they stand in the mail file: the
// same after another program has added, changed or taken away its bookkeeping fields
// (hidden_fields.h), another one after anything else of header or body changed.  48 bits, made to
// notice changes that nobody makes on purpose; a message is told by it and its From_ line and size.
// It is taken of every message while an index is built: about one instruction for three bytes.
#pragma once

#include <array>
#include <cstddef>
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
  // Whether a line of the header was passed over as bookkeeping.
  [[nodiscard]] bool has_hidden() const { return has_hidden_; }

 private:
  static constexpr size_t kStep = 32;
  static constexpr size_t kTold = 16;  // of a line: longer than the name of each hidden field
  enum class Line : uint8_t { Shown, Hidden, Empty };
  void feed_header(std::string_view& bytes);
  size_t whole_lines(std::string_view bytes);
  void end_line_of_before(std::string_view& bytes);
  Line tell(std::string_view line);
  void take(std::string_view bytes);
  void take_steps(const char* bytes, size_t steps);

  bool header_only_;
  bool in_header_ = true;
  bool in_line_ = false;  // of which `tell` has said what it is
  bool hidden_ = false;   // the field that came last
  bool has_hidden_ = false;
  std::string start_;  // of a line that is too short yet to be told
  std::array<uint64_t, 2> lanes_{0x6865616465, 0x626f6479};
  std::array<char, kStep> rest_{};
  size_t rest_size_ = 0;
  uint64_t size_ = 0;
};

}  // namespace dmail::store

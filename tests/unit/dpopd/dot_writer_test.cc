#include "dpopd/dot_writer.h"

#include <catch2/catch.hpp>
#include <string>

using namespace dmail;

namespace {

class Collect : public Stream {
 public:
  size_t read(std::span<char>, Deadline) override { return 0; }
  void write(std::string_view bytes, Deadline) override { text.append(bytes); }
  [[nodiscard]] int read_fd() const override { return -1; }
  std::string text;
};

// What the client gets when `message` arrives in pieces of `piece` octets.
std::string stuffed(std::string_view message, size_t piece) {
  Collect to;
  BufferedWriter out(to, 1000);
  dpopd::DotWriter dots(out, "+OK");
  for (size_t at = 0; at < message.size(); at += piece) dots.write(message.substr(at, piece));
  dots.finish();
  out.flush();
  REQUIRE(to.text.substr(0, 5) == "+OK\r\n");
  return to.text.substr(5);
}

}  // namespace

TEST_CASE("dots at line starts are doubled, wherever the pieces are cut (P09)") {
  const std::string_view message = ".\r\n..\r\nno . here\r\n.end\r\n\r\n.\r\n";
  for (size_t piece = 1; piece < 12; ++piece)
    CHECK(stuffed(message, piece) == "..\r\n...\r\nno . here\r\n..end\r\n\r\n..\r\n.\r\n");
}

TEST_CASE("a missing last line end is added before the final dot") {
  CHECK(stuffed("a", 1) == "a\r\n.\r\n");
  CHECK(stuffed("", 1) == ".\r\n");
  CHECK(stuffed("a\r\n", 1) == "a\r\n.\r\n");
}

TEST_CASE("an end in a bare LF or CR gets a line end that every client sees") {
  for (size_t piece : {1, 2, 10}) {
    CHECK(stuffed("a\n", piece) == "a\n\r\n.\r\n");
    CHECK(stuffed("a\r", piece) == "a\r\r\n.\r\n");
    CHECK(stuffed("\n", piece) == "\n\r\n.\r\n");
    CHECK(stuffed("a\r\n.", piece) == "a\r\n..\r\n.\r\n");
  }
}

TEST_CASE("the +OK line goes out with the first bytes, so that an error before them is the reply") {
  Collect to;
  BufferedWriter out(to, 1000);
  dpopd::DotWriter dots(out, "+OK 1 octets");
  out.flush();
  CHECK(to.text.empty());
  CHECK_FALSE(dots.begun());
  dots.write("x");
  out.flush();
  CHECK(dots.begun());
  CHECK(to.text == "+OK 1 octets\r\nx");
}

#include "dpopd/top_filter.h"

#include <catch2/catch.hpp>
#include <string>

using namespace dmail;

namespace {

// What TOP with so many `lines` gives of `message` that arrives in pieces of `piece` octets.
std::string top(std::string_view message, uint64_t lines, size_t piece) {
  std::string out;
  StringSink sink(out);
  dpopd::TopFilter filter(sink, lines);
  for (size_t at = 0; at < message.size(); at += piece) filter.write(message.substr(at, piece));
  return out;
}

}  // namespace

TEST_CASE("TOP gives the header, the blank line and so many lines, wherever the pieces are cut") {
  const std::string_view message = "A: 1\r\n B\r\n\r\none\r\n\r\nthree\r\n";
  for (size_t piece = 1; piece <= message.size(); ++piece) {
    CHECK(top(message, 0, piece) == "A: 1\r\n B\r\n\r\n");
    CHECK(top(message, 1, piece) == "A: 1\r\n B\r\n\r\none\r\n");
    CHECK(top(message, 2, piece) == "A: 1\r\n B\r\n\r\none\r\n\r\n");
    CHECK(top(message, 3, piece) == message);
    CHECK(top(message, UINT64_MAX, piece) == message);
  }
}

TEST_CASE("TOP of messages without body, without header, or without an end of the header") {
  for (size_t piece : {1, 2, 100}) {
    CHECK(top("A: 1\r\n\r\n", 5, piece) == "A: 1\r\n\r\n");
    CHECK(top("\r\nbody\r\nmore\r\n", 1, piece) == "\r\nbody\r\n");
    CHECK(top("A: 1\r\nB: 2\r\n", 0, piece) == "A: 1\r\nB: 2\r\n");
    CHECK(top("A: 1", 0, piece) == "A: 1");
    CHECK(top("", 3, piece).empty());
    CHECK(top("A: 1\n\nx\ny\n", 1, piece) == "A: 1\n\nx\n");
  }
}

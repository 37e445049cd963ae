// What is taken before login: no byte that ends a name or password early for those who get it.
#include "imapd/login_parser.h"

#include <catch2/catch.hpp>
#include <string>

using namespace std::string_literals;

namespace dmail::imapd {
namespace {

std::optional<std::string> astring(std::string_view text) { return LoginParser(text).astring(); }

}  // namespace

TEST_CASE("a literal is taken as it is, but without NUL") {
  CHECK(astring("{3+}\r\njoe") == "joe");
  CHECK(astring("{3}\r\njoe") == "joe");
  CHECK(astring("{4+}\r\nj\r\ne") == "j\r\ne");
  CHECK_FALSE(astring("{4+}\r\njoe\0"s));
  CHECK_FALSE(astring("{5+}\r\njo\0e!"s));
  CHECK_FALSE(astring("{1}\r\n\0"s));
  CHECK_FALSE(astring("{4+}\r\njoe"));
}

TEST_CASE("nor has any other form of a string one") {
  CHECK(astring("\"j\\\"e\"") == "j\"e");
  CHECK_FALSE(astring("\"jo\0e\""s));
  CHECK_FALSE(astring("\0joe"s));
  CHECK(astring("joe\0"s) == "joe");  // what follows is a syntax error
}

}  // namespace dmail::imapd

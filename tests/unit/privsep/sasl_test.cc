#include "privsep/sasl.h"

#include <catch2/catch.hpp>

#include "base/base64.h"

namespace dmail::privsep {
namespace {

using namespace std::string_view_literals;

Result<Credentials> plain(std::string_view message) { return sasl_plain(base64_encode(message)); }

}  // namespace

TEST_CASE("PLAIN: user and password; the authorisation identity is the user or absent") {
  auto c = plain("\0joe\0se cret"sv);
  REQUIRE(c.ok());
  CHECK(c->user == "joe");
  CHECK(c->password == "se cret");
  CHECK(plain("joe\0joe\0x"sv).ok());
  auto other = plain("root\0joe\0x"sv);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().kind == ErrorKind::NoPermission);
}

TEST_CASE("PLAIN: what is cut at a NUL elsewhere is refused whole (A01, A08)") {
  for (const auto message : {"user\0admin\0pw\0junk"sv, "\0user\0pw\0x"sv, "joe\0x"sv, "joe"sv,
                             ""sv, "\0\0x"sv, "\0joe\0a\rb"sv, "\0jo\ne\0ab"sv}) {
    auto c = plain(message);
    REQUIRE_FALSE(c.ok());
    CHECK(c.error().kind == ErrorKind::BadInput);
  }
  for (const auto text : {"!!!!", "AGpvZQB4=", "AGpvZQB", "*", "AGpv ZQB4"})
    CHECK_FALSE(sasl_plain(text).ok());
  CHECK(plain("\0joe\0"sv).ok());  // an empty password is for the authenticator to refuse
}

TEST_CASE("LOGIN: text without NUL and line ends") {
  CHECK(*sasl_login(base64_encode("joe")) == "joe");
  CHECK(*sasl_login("") == "");
  CHECK_FALSE(sasl_login(base64_encode("jo\0e"sv)).ok());
  CHECK_FALSE(sasl_login(base64_encode("joe\r\n")).ok());
  CHECK_FALSE(sasl_login("a").ok());
}

TEST_CASE("OAUTHBEARER: a user and one bearer token") {
  auto bearer = [](std::string_view message) { return sasl_oauthbearer(base64_encode(message)); };
  auto c = bearer("n,a=jo=2Ce=3D,\1host=h\1port=143\1auth=Bearer a.b~c/+_-d==\1\1"sv);
  REQUIRE(c.ok());
  CHECK(c->user == "jo,e=");
  CHECK(c->password == "a.b~c/+_-d==");
  CHECK(bearer("y,a=joe,\1auth=bearer  x\1\1"sv).ok());
  for (const auto message : {"n,,\1auth=Bearer x\1\1"sv,
                             "n,a=,\1auth=Bearer x\1\1"sv,
                             "p=tls-unique,a=joe,\1auth=Bearer x\1\1"sv,
                             "n,a=joe,\1auth=Bearer x\1"sv,
                             "n,a=joe,\1auth=Bearer x"sv,
                             "n,a=joe,\1auth=Bearer \1\1"sv,
                             "n,a=joe,\1auth=Basic x\1\1"sv,
                             "n,a=joe,\1\1"sv,
                             "n,a=joe,"sv,
                             "n,a=joe"sv,
                             ""sv,
                             "\1"sv,
                             "n,a=jo=2De,\1auth=Bearer x\1\1"sv,
                             "n,a=joe,\1auth=Bearer x\1\1junk"sv,
                             "n,a=joe,\1auth=Bearer x\1auth=Bearer y\1\1"sv,
                             "n,a=joe,\1=x\1auth=Bearer x\1\1"sv,
                             "n,a=joe,\1auth=Bearer x y\1\1"sv,
                             "n,a=joe,\1auth=Bearer x\0y\1\1"sv,
                             "n,a=jo\0e,\1auth=Bearer x\1\1"sv,
                             "n,a=joe,\1auth=Bearer =\1\1"sv})
    CHECK_FALSE(bearer(message).ok());
  CHECK_FALSE(sasl_oauthbearer("!").ok());
}

TEST_CASE("XOAUTH2: likewise") {
  auto c = sasl_xoauth2(base64_encode("user=joe@x.example\1auth=Bearer tok\1\1"sv));
  REQUIRE(c.ok());
  CHECK(c->user == "joe@x.example");
  CHECK(c->password == "tok");
  for (const auto message :
       {"user=joe\1auth=Bearer tok\1"sv, "auth=Bearer tok\1\1"sv, "user=\1auth=Bearer tok\1\1"sv,
        "user=joe\1user=eve\1auth=Bearer x\1\1"sv, "user=joe\1\1"sv, ""sv,
        "user=j\ne\1auth=Bearer x\1\1"sv})
    CHECK_FALSE(sasl_xoauth2(base64_encode(message)).ok());
}

}  // namespace dmail::privsep

#include "mail/header.h"

#include <catch2/catch.hpp>

using namespace dmail::mail;
using namespace std::string_literals;

TEST_CASE("header_size counts the empty line") {
  CHECK(header_size("A: b\r\n\r\nbody") == 8);
  CHECK(header_size("A: b\n\nbody") == 6);
  CHECK(header_size("\r\nbody") == 2);
  CHECK(header_size("\n") == 1);
  CHECK(header_size("A: b\r\n") == 6);
  CHECK(header_size("A: b") == 4);
  CHECK(header_size("") == 0);
  CHECK(header_size("A: b\r\n\r") == 7);
  CHECK(header_size("A: b\r\n \r\n\r\nx") == 11);  // a line of blanks belongs to the field
}

TEST_CASE("fields are cut with their continuation lines") {
  const std::string header = "Subject: one\r\n two\r\nFrom : a@b\r\nTo:\r\n\r\nX: y\r\n";
  FieldCursor cursor(header);
  Field field;
  REQUIRE(cursor.next(field));
  CHECK(field.name == "Subject");
  CHECK(field.value == " one\r\n two");
  CHECK(field.whole == "Subject: one\r\n two\r\n");
  REQUIRE(cursor.next(field));
  CHECK(field.name == "From");
  CHECK(field.value == " a@b");
  REQUIRE(cursor.next(field));
  CHECK(field.name == "To");
  CHECK(field.value.empty());
  CHECK_FALSE(cursor.next(field));  // stops at the empty line
  CHECK_FALSE(cursor.next(field));
}

TEST_CASE("lines that are no fields are skipped") {
  const std::string header =
      " lost continuation\r\nFrom me@x Sat Dec 26 09:37:48 1998\r\n>From me 1:2\r\n: empty\r\n"
      "no colon\r\n with continuation: x\r\nSub\0ject: nul\r\nS\xc3\xbc: eight\r\nSubject: yes\r\n"s;
  FieldCursor cursor(header);
  Field field;
  REQUIRE(cursor.next(field));
  CHECK(field.name == "Subject");
  CHECK_FALSE(cursor.next(field));
}

TEST_CASE("find_field takes the first, whatever the case") {
  const std::string_view header = "a: 1\r\nSUBJECT: x\r\nsubject: y\r\n\r\n";
  CHECK(find_field(header, "Subject") == " x");
  CHECK(find_field(header, "Absent").data() == nullptr);
  CHECK(find_field("B:", "b").data() != nullptr);
}

TEST_CASE("unfold makes one blank of a folding, and keeps lone carriage returns") {
  CHECK(unfold(" one\r\n two \n\t three  four") == "one two three  four");
  CHECK(unfold("\r\n one\r\n \r\n two\r\n") == "one two");
  CHECK(unfold("a\rb") == "a\rb");
  CHECK(unfold(" \r\n \t ") == "");
  CHECK(unfold("") == "");
}

TEST_CASE("M04: huge headers cost linear time and no memory") {
  std::string header;
  for (int i = 0; i < 500000; ++i) header += "X: y\r\n";
  header += std::string(1000000, 'N') + ": v\r\nLast: 1\r\n\r\n";
  CHECK(header_size(header) == header.size());
  CHECK(find_field(header, "last") == " 1");
  const std::string folded = "S:" + std::string(1000000, ' ') + "\r\n" + [] {
    std::string s;
    for (int i = 0; i < 500000; ++i) s += " x\r\n";
    return s;
  }();
  FieldCursor cursor(folded);
  Field field;
  REQUIRE(cursor.next(field));
  CHECK(field.whole.size() == folded.size());
  CHECK(unfold(field.value).size() == 999999);
}

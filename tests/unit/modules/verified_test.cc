#include "tools/modules/verified.h"

#include <catch2/catch.hpp>

#include "tools/modules/server.h"

using namespace dmail::modules;

TEST_CASE("what was verified is known for a while, for that user, password and hash alone") {
  Verified v(2, 10);
  const std::string bob = v.mark("bob", "secret", "hash");
  CHECK_FALSE(v.knows(bob, 0));
  v.add(bob, 0);
  CHECK(v.knows(bob, 9999));
  CHECK_FALSE(v.knows(v.mark("ann", "secret", "hash"), 1));
  CHECK_FALSE(v.knows(v.mark("bob", "Secret", "hash"), 1));
  CHECK_FALSE(v.knows(v.mark("bob", "secret", "changed"), 1));
  CHECK(v.mark("bobs", "ecret", "hash") != bob);
  CHECK(Verified(2, 10).mark("bob", "secret", "hash") != bob);  // another process, another key
  CHECK_FALSE(v.knows(bob, 10000));
  CHECK(v.size() == 0);
  v.add("a", 0);
  v.add("b", 0);
  CHECK(v.knows("a", 1));
  v.add("c", 1);  // b was used least recently
  CHECK(v.knows("a", 2));
  CHECK_FALSE(v.knows("b", 2));
  CHECK(v.size() == 2);
  Verified none(0, 10);
  none.add("a", 0);
  CHECK_FALSE(none.knows("a", 0));
}

TEST_CASE("an answer is kept with its question, and everything can be forgotten") {
  Verified v(2, 10);
  v.keep("a", "+OK a", 0, 500);
  CHECK(v.recall("a", 499) == "+OK a");
  v.keep("a", "+OK other", 499, 500);
  CHECK(v.recall("a", 998) == "+OK other");
  CHECK_FALSE(v.recall("a", 999));
  v.keep("b", "+OK b", 0, 500);
  v.clear();
  CHECK_FALSE(v.recall("b", 1));
  CHECK(v.size() == 0);
}

TEST_CASE("modes of a socket") {
  mode_t mode = 0;
  CHECK(parse_mode("0660", mode));
  CHECK(mode == 0660);
  for (const char* bad : {"", "8", "1777", "06600", "x", "-1"}) CHECK_FALSE(parse_mode(bad, mode));
}

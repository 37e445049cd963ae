#include "imapd/list_pattern.h"

#include <catch2/catch.hpp>

using dmail::imapd::ListPattern;

TEST_CASE("LIST wildcards") {
  struct Row {
    const char* pattern;
    const char* name;
    bool matches;
  };
  constexpr Row kRows[] = {{"*", "a/b", true},
                           {"%", "a/b", false},
                           {"%", "a", true},
                           {"", "", true},
                           {"", "a", false},
                           {"a*", "a", true},
                           {"a%", "a", true},
                           {"%/%", "a/b", true},
                           {"%/%", "a/b/c", false},
                           {"*/c", "a/b/c", true},
                           {"a/%c", "a/b/c", false},
                           {"%*", "a/b", true},
                           {"*%", "a/b", true},
                           {"inbox", "INBOX", true},
                           {"INB%", "INBOX", true},
                           {"inbox", "inbox/x", false},
                           {"Inbox/x", "INBOX/x", true},
                           {"A", "a", false},
                           {"a*b*c", "aXbYc", true},
                           {"a*b*c", "aXbY", false},
                           {"%b", "aab", true},
                           {"*b%c", "abxbyc", true},
                           {"x%", "x/", false},
                           {"x*", "x/", true}};
  for (const Row& row : kRows) {
    INFO(row.pattern << " on " << row.name);
    CHECK(ListPattern(row.pattern).matches(row.name) == row.matches);
  }
}

TEST_CASE("a pattern made to explode takes no longer than others") {
  std::string pattern, name(1000, 'a');
  for (int i = 0; i < 200; ++i) pattern += "*a%";
  pattern += "b";
  ListPattern p(pattern);
  for (int i = 0; i < 20; ++i) CHECK_FALSE(p.matches(name));
}

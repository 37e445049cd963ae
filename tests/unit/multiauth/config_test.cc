// multiauth.conf, and whom a module is asked about.
#include "tools/multiauth/config.h"

#include <catch2/catch.hpp>

using namespace dmail;
using namespace dmail::multiauth;

namespace {

std::string fault(const std::string& text) {
  const auto rules = parse_modules(text, "f");
  return rules ? "none" : rules.error().log;
}
std::string fault_of_line(const std::string& line) {
  return fault("module 1\nbinary /bin/m\n" + line + "\n");
}
ModuleRule rule(const std::string& lines) {
  const auto rules = parse_modules("module 1\nbinary /bin/m\n" + lines, "f");
  INFO(lines);
  REQUIRE(rules);
  return rules->front();
}

}  // namespace

TEST_CASE("modules come in the order of their numbers") {
  const auto rules = parse_modules(
      "# two\nmodule 20\n  binary /bin/b x y\n\nmodule 5\n\tbinary\t/bin/a\n\ttimeout 9\n"
      "module 20\nbinary /bin/c\n",
      "f");
  REQUIRE(rules);
  REQUIRE(rules->size() == 3);
  CHECK((*rules)[0].words == std::vector<std::string>{"/bin/a"});
  CHECK((*rules)[0].timeout == 9);
  CHECK((*rules)[1].words == std::vector<std::string>{"/bin/b", "x", "y"});
  CHECK((*rules)[2].words == std::vector<std::string>{"/bin/c"});
}

TEST_CASE("the defaults of the original") {
  const ModuleRule r = rule("");
  CHECK(r.takes(Verb::Check, "bob"));
  CHECK(r.takes(Verb::Lookup, "bob"));
  CHECK(r.takes(Verb::Search, "b*"));
  CHECK(r.does[static_cast<size_t>(Verb::Set)] == Do::Existing);
  CHECK(r.takes(Verb::Set, "bob"));
  CHECK_FALSE(r.takes(Verb::Del, "bob"));
  CHECK_FALSE(r.dead_goes_on);
}

TEST_CASE("patterns say who") {
  ModuleRule r = rule("match !root@* *@a.org\n");
  CHECK(r.takes(Verb::Check, "Bob@A.org"));
  CHECK_FALSE(r.takes(Verb::Check, "bob@b.org"));
  CHECK_FALSE(r.takes(Verb::Lookup, "ROOT@a.org"));
  CHECK(r.takes(Verb::Search, "bo*@a.org"));
  CHECK(r.takes(Verb::Search, "*"));
  CHECK_FALSE(r.takes(Verb::Search, "bo*@b.org"));
  r = rule("match *@a.org\ncheck x*\ndo_lookup no\ndo_del existing\n");
  CHECK(r.takes(Verb::Check, "xaver"));
  CHECK_FALSE(r.takes(Verb::Check, "bob@a.org"));  // its own pattern instead of match
  CHECK_FALSE(r.takes(Verb::Lookup, "bob@a.org"));
  CHECK(r.takes(Verb::Del, "bob@a.org"));
}

TEST_CASE("prefix and suffix are taken off once") {
  const ModuleRule r = rule("strip_prefix cc_\nstrip_suffix @a.org\n");
  CHECK(r.stripped("CC_bob@A.org") == "bob");
  CHECK(r.stripped("bob") == "bob");
  CHECK(r.stripped("cc_cc_bob@a.org@a.org") == "cc_bob@a.org");
  CHECK(r.stripped("cc_@a.org").empty());
}

TEST_CASE("mistakes are named with file and line") {
  CHECK(fault("") == "f:1: no module");
  CHECK(fault("\nbinary /x\n") == "f:2: a line before the first module");
  CHECK(fault("module 1\n\nmodule 2\nbinary /x\n") == "f:1: a module without binary");
  CHECK(fault("module x\n") == "f:1: module: a priority is wanted");
  CHECK(fault_of_line("bogus 1") == "f:3: bogus: unknown setting");
  CHECK(fault_of_line("binary /bin/n") == "f:3: binary: given twice");
  CHECK(fault("module 1\nbinary m\n") == "f:2: binary: an absolute path or unix:SOCKET is wanted");
  for (const char* bad : {"unix:", "unix:x", "unix:/run/s -path"})
    CHECK(fault(std::string("module 1\nbinary ") + bad + "\n") ==
          "f:2: binary: unix: and the absolute path of a socket are wanted, nothing more");
  for (const char* bad : {"match", "timeout 0", "timeout 601", "on_dead maybe", "do_check existing",
                          "do_set perhaps", "strip_prefix a b", "strip_suffix a\"b"})
    CHECK(fault_of_line(bad).starts_with("f:3: "));
  std::string many;
  for (int i = 0; i < 51; ++i) many += "module 1\nbinary /x\n";
  CHECK(fault(many) == "f:101: too many modules");
}

// Links among the parents of a folder: whatever they lead to is nobody's mail here.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "store_fixture.h"

namespace dmail::store {

TEST_CASE("a link in the place of a parent folder is not followed to a real mailbox") {
  StoreFixture fixture;
  auto store = fixture.open();
  must(store->create("Real/Sub"));
  const std::string outside = fixture.root + "/outside";
  REQUIRE(::mkdir(outside.c_str(), 0700) == 0);
  const std::string text = "From a@b Sat Jan  3 01:05:34 1998\nSubject: secret\n\nbody\n\n";
  for (const char* name : {"/Secret", "/Other"}) std::ofstream(outside + name) << text;
  const std::string& folders = fixture.config.folders;
  REQUIRE(::symlink(outside.c_str(), (folders + "/way").c_str()) == 0);
  REQUIRE(::symlink(outside.c_str(), (folders + "/Real/way").c_str()) == 0);
  for (const std::string parent : {"way", "Real/way"}) {
    INFO(parent);
    CHECK_FALSE(store->select(parent + "/Secret", false));
    CHECK_FALSE(store->select(parent + "/Secret", true));
    CHECK_FALSE(store->status(parent + "/Secret"));
    CHECK_FALSE(store->append(parent + "/Secret"));
    CHECK_FALSE(store->lookup(parent + "/Secret"));
    CHECK_FALSE(store->create(parent + "/New"));
    CHECK_FALSE(store->remove(parent + "/Other"));
    CHECK_FALSE(store->rename(parent + "/Other", "Mine"));
  }
  CHECK(::access((outside + "/New").c_str(), F_OK) != 0);
  CHECK(::access((outside + "/.index").c_str(), F_OK) != 0);
  for (const char* name : {"/Secret", "/Other"}) {
    std::ifstream in(outside + name);
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == text);
  }
}

}  // namespace dmail::store

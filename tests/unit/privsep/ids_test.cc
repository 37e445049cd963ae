#include "privsep/ids.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "io/file.h"

namespace dmail::privsep {
namespace {

struct PasswdFile {
  explicit PasswdFile(std::string_view text) {
    const int fd = ::mkstemp(path.data());
    REQUIRE(fd >= 0);
    REQUIRE(write_at(fd, text, 0).ok());
    ::close(fd);
  }
  ~PasswdFile() { ::unlink(path.c_str()); }
  std::string path = "/tmp/passwd-XXXXXX";
};

}  // namespace

TEST_CASE("ids: names and numbers, from the file itself") {
  std::string text =
      "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken:x:1\njoe:x:1000:100:Joe:/home/joe:/bin/sh\n"
      "minus:x:4294967295:1::/:\n" +
      std::string(3 * kMaxPasswdLine, 'x') + ":x:5:5:::\n" + "late:x:1001:101::/:\nend:x:7:8::/:";
  const PasswdFile file(text);
  auto of = [&](std::string_view name) { return ids_of(name, file.path); };
  CHECK(*of("joe") == Ids{1000, 100});
  CHECK(*of("late") == Ids{1001, 101});
  CHECK(*of("end") == Ids{7, 8});  // the last line lacks its LF
  CHECK(*of("1000") == Ids{1000, 100});
  CHECK(*of("77") == Ids{77, 77});
  CHECK(*of("77:88") == Ids{77, 88});
  CHECK(*ids_of(uid_t{1001}, file.path) == Ids{1001, 101});
  for (const auto bad : {"nobody", "", "minus", "broken", "77:", "77:x", "4294967295", "-1"})
    CHECK_FALSE(of(bad).ok());
  CHECK_FALSE(ids_of("joe", "/nonexistent").ok());
  const auto two = [&](std::string_view first, std::string_view second) {
    return ids_of_two(first, second, file.path);
  };
  for (const auto& found : {two("joe", "end"), two("1000", "end"), two("1000:100", "7")}) {
    CHECK(*found.first == Ids{1000, 100});
    CHECK(*found.second == Ids{7, 8});
  }
  CHECK(*two("end", "joe").first == Ids{7, 8});
  CHECK(*two("joe", "joe").second == Ids{1000, 100});
  CHECK(two("nobody", "end").first.error().log == "user nobody: no such user in " + file.path);
  CHECK(*two("nobody", "end").second == Ids{7, 8});
  CHECK(*two("77:88", "nobody").first == Ids{77, 88});
  CHECK(two("77:88", "nobody").second.error().kind == ErrorKind::NotFound);
  CHECK_FALSE(ids_of_two("joe", "1000", "/nonexistent").second.ok());
}

}  // namespace dmail::privsep

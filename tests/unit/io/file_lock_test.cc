#include "io/file_lock.h"

#include <fcntl.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/text.h"
#include "io/file.h"

using namespace dmail;

TEST_CASE("a dotlock names its maker, excludes others and goes with its owner") {
  char path[] = "/tmp/dmail-lock.XXXXXX";
  REQUIRE(::mkdtemp(path) != nullptr);
  const std::string box = std::string(path) + "/box";
  auto file = open_file(box, O_RDWR | O_CREAT);
  auto other = open_file(box, O_RDWR);
  REQUIRE((file && other));
  {
    auto lock = FileLock::take_with_dotlock(file->get(), box, Deadline::in_ms(0));
    REQUIRE(lock);
    auto text = read_file(box + ".lock", 512);
    REQUIRE(text);
    CHECK(text->starts_with(concat(::getpid(), '\n')));
    CHECK_FALSE(FileLock::take_with_dotlock(other->get(), box, Deadline::in_ms(0)));
  }
  CHECK(::access((box + ".lock").c_str(), F_OK) != 0);

  // Of a process that is gone, on this host: taken over at once.  Without a number: respected.
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  REQUIRE(replace_file(box + ".lock", concat(0x7ffffffe, '\n', host, '\n')));
  CHECK(FileLock::take_with_dotlock(file->get(), box, Deadline::in_ms(0)));
  REQUIRE(replace_file(box + ".lock", ""));
  CHECK_FALSE(FileLock::take_with_dotlock(file->get(), box, Deadline::in_ms(0)));
  std::filesystem::remove_all(path);
}

// smtp_min_free: what a spool's file system has to keep.
#include <catch2/catch.hpp>

#include "dsmtpd/handoff.h"

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {

// A file system of so many blocks of 4096 bytes.
struct statvfs room_of(uint64_t blocks, uint64_t free) {
  struct statvfs room {};
  room.f_frsize = 4096;
  room.f_bsize = 1 << 20;  // the preferred size of a transfer: not what blocks are counted in
  room.f_blocks = blocks;
  room.f_bfree = blocks;  // root's own share is none of ours
  room.f_bavail = free;
  return room;
}

}  // namespace

TEST_CASE("a message is taken while smtp_min_free is left, and no longer") {
  conf::Settings settings;
  settings.smtp_min_free = 100 * 4096;
  CHECK(check_room(settings, room_of(1 << 20, 100), 0));
  const Status less = check_room(settings, room_of(1 << 20, 99), 0);
  REQUIRE_FALSE(less);
  CHECK(less.error().kind == ErrorKind::NoSpace);
  CHECK(less.error().log.find("405504 bytes are free; smtp_min_free keeps 409600") !=
        std::string::npos);
  settings.smtp_min_free = 0;
  CHECK(check_room(settings, room_of(1 << 20, 0), 0));
}

TEST_CASE("of a small file system a sixteenth is kept") {
  conf::Settings settings;
  settings.smtp_min_free = 100 * 4096;
  CHECK(check_room(settings, room_of(160, 10), 0));
  CHECK_FALSE(check_room(settings, room_of(160, 9), 0));
}

TEST_CASE("the size that was announced comes on top of what is kept") {
  conf::Settings settings;
  settings.smtp_min_free = 100 * 4096;
  CHECK(check_room(settings, room_of(1 << 20, 102), 2 * 4096));
  const Status less = check_room(settings, room_of(1 << 20, 102), 2 * 4096 + 1);
  REQUIRE_FALSE(less);
  CHECK(less.error().log.find("the message has 8193") != std::string::npos);
  CHECK_FALSE(check_room(settings, room_of(1 << 20, 99), UINT64_MAX));
  settings.smtp_min_free = 0;
  CHECK(check_room(settings, room_of(1 << 20, 1), 4096));
  CHECK_FALSE(check_room(settings, room_of(1 << 20, 1), 4097));
}

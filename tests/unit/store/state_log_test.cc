// The log of flags after a crash of the machine, beside another program that has changed the file.
#include "store/state_log.h"

#include <fcntl.h>

#include <cstring>

#include "base/crc32.h"
#include "io/file.h"
#include "killed_at.h"
#include "store_fixture.h"

namespace dmail::store {

TEST_CASE("recovery changes only what stands there as it stood before") {
  StoreFixture fixture;
  const std::string log_path = fixture.root + "/log";
  auto file = open_file(fixture.root + "/mail", O_RDWR | O_CREAT, 0600);
  must(file);
  constexpr size_t kSize = 64;
  const std::string old(kSize, 'a'), fresh(kSize, 'b'), foreign(kSize, 'z');
  std::string before, wanted;
  StateLog log(file->get());
  log.enable(log_path);
  for (uint32_t i = 0; i < StateLog::kFrom; ++i) {
    log.add(i * kSize, old, fresh);
    // As the disk may have it: written, not yet, or another program's since.
    before += i % 3 == 0 ? old : i % 3 == 1 ? fresh : foreign;
    wanted += i % 3 == 2 ? foreign : fresh;
  }
  REQUIRE(log.commit());
  auto bytes = read_file(log_path, 1 << 20);
  must(bytes);
  (*bytes)[8] = static_cast<char>((*bytes)[8] ^ 1);  // another start of the machine
  const uint32_t crc = crc32(std::string_view(*bytes).substr(0, 44));
  std::memcpy(bytes->data() + 44, &crc, sizeof crc);
  auto rewritten = open_file(log_path, O_RDWR);
  must(rewritten);
  REQUIRE(write_at(rewritten->get(), *bytes, 0));
  REQUIRE(write_at(file->get(), before, 0));
  StateLog later(file->get());
  later.enable(log_path);
  REQUIRE(later.needs_recovery());
  REQUIRE(later.recover());
  const auto now = read_file(fixture.root + "/mail", 1 << 20);
  must(now);
  CHECK(*now == wanted);
  CHECK_FALSE(std::filesystem::exists(log_path));
}

TEST_CASE("a change that is in two sectors goes through the log, a small one in one does not") {
  StoreFixture fixture;
  const std::string log_path = fixture.root + "/log";
  auto file = open_file(fixture.root + "/mail", O_RDWR | O_CREAT, 0600);
  must(file);
  REQUIRE(write_at(file->get(), std::string(1024, '.'), 0));
  const auto change = [&](uint64_t at, std::string_view before, std::string_view bytes) {
    StateLog log(file->get());
    log.enable(log_path);
    log.add(at, before, bytes);
    REQUIRE(log.commit());
    const bool logged = std::filesystem::exists(log_path);
    REQUIRE(log.settle());
    return logged;
  };
  CHECK_FALSE(change(500, "............", "$K3........."));
  CHECK_FALSE(change(512, "....", "$K3."));
  CHECK_FALSE(change(508, "....$K3.", "....$K4."));  // what differs is in one
  CHECK(change(510, "..$K", "$K3."));
  const auto now = read_file(fixture.root + "/mail", 1 << 20);
  must(now);
  CHECK(now->substr(498, 20) == "..$K3.......$K3.4...");
}

TEST_CASE("a change that is in two sectors is in the log before a part of it is in the file") {
  const bool direct = GENERATE(false, true);  // with a new keyword, or before a rewrite
  const std::string old(1024, '.'), fresh = std::string(510, '.') + "$K3." + std::string(510, '.');
  for (int n = 0;; ++n) {
    MailDir m(old);
    const std::string log_path = m.journal + ".log";
    const bool done = killed_at(n, [&] {
      StateLog log(m.fd.get());
      log.enable(log_path);
      log.add(510, "....", "$K3.");
      (void)log.commit(direct).ok();
    });
    CAPTURE(direct, n);
    CHECK((m.bytes() == old || m.bytes() == fresh || std::filesystem::exists(log_path)));
    if (!done) continue;
    CHECK(m.bytes() == fresh);
    CHECK(std::filesystem::exists(log_path) == !direct);
    break;
  }
}

}  // namespace dmail::store

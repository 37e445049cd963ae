#include "privsep/session_facts.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

namespace dmail::privsep {
namespace {

SessionFacts joe() { return {"imap", "joe@example.com", "192.0.2.1", "abc123", 1796000000, true}; }

TEST_CASE("facts are read as they were sealed") {
  const auto fd = seal_facts(joe());
  REQUIRE(fd);
  const auto read = sealed_facts(fd->get(), ::geteuid());
  REQUIRE(read);
  CHECK(facts_text(*read) == facts_text(joe()));
  CHECK(read->user == "joe@example.com");
  CHECK(read->tls);
}

TEST_CASE("sealed facts cannot be changed") {
  const auto fd = seal_facts(joe());
  REQUIRE(fd);
  CHECK(::pwrite(fd->get(), "x", 1, 0) < 0);
  CHECK(::ftruncate(fd->get(), 0) != 0);
  CHECK(::ftruncate(fd->get(), 1 << 20) != 0);
  CHECK(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0) == MAP_FAILED);
}

TEST_CASE("what is not sealed, another's, or a file is not believed") {
  const std::string text = facts_text(joe());
  const OwnedFd open(::memfd_create(kFactsName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::write(open.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  CHECK_FALSE(sealed_facts(open.get(), ::geteuid()));
  const auto sealed = seal_facts(joe());
  REQUIRE(sealed);
  CHECK_FALSE(sealed_facts(sealed->get(), ::geteuid() + 1));
  char path[] = "/tmp/dmail-facts-XXXXXX";
  const OwnedFd file(::mkstemp(path));
  REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  CHECK_FALSE(sealed_facts(file.get(), ::geteuid()));
  ::unlink(path);
  CHECK_FALSE(sealed_facts(-1, ::geteuid()));
}

TEST_CASE("texts that are no facts") {
  const std::string text = facts_text(joe());
  CHECK(parse_facts(text));
  for (size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_facts(text.substr(0, n) + "\x01"));
  CHECK_FALSE(parse_facts(text + "user other\n"));
  CHECK_FALSE(parse_facts(""));
  CHECK_FALSE(parse_facts(std::string(kMaxFacts + 1, 'x')));
  SessionFacts odd = joe();
  odd.user = "joe\nuser root";
  CHECK_FALSE(seal_facts(odd));
  odd.user = "joe\x1b[2J";  // dmwho shows it on a terminal
  CHECK_FALSE(seal_facts(odd));
  odd.user.clear();
  CHECK_FALSE(seal_facts(odd));
}

}  // namespace
}  // namespace dmail::privsep

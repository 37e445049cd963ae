// Each limit of imapd/limits.h: just below it works, over it is refused, and the next command is
// the next command.
#include "imapd/limits.h"

#include <catch2/catch.hpp>

#include "tests/unit/imapd/talk.h"

using namespace dmail;
using namespace dmail::imapd;
using namespace dmail::imapd::test;

namespace {

// The answer to `command` on a selected mailbox of three messages; checks that NOOP works after it.
std::string answer(const std::string& command, SessionConfig config = {}) {
  FakeStore store;
  for (int i = 0; i < 3; ++i) store.folder("INBOX").add("Subject: x\r\n\r\nbody\r\n");
  std::string out = talk(store, "s SELECT INBOX\r\n" + command + "\r\nz NOOP\r\n", config);
  out.erase(0, out.find("s OK"));
  out.erase(0, out.find('\n') + 1);
  const std::string end = "z OK NOOP completed\r\n";
  INFO(out.substr(0, 300));
  REQUIRE(out.ends_with(end));
  return out.substr(0, out.size() - end.size());
}

std::string repeated(std::string_view part, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += part;
  return out;
}

bool ok(const std::string& out) { return out.find("a OK ") != std::string::npos; }
bool refused(const std::string& out) {
  return out.find("a BAD ") != std::string::npos || out.find("a NO ") != std::string::npos;
}

}  // namespace

TEST_CASE("lines") {
  const std::string head = "a FETCH 1";
  const std::string tail = " UID";
  const size_t room = kMaxLine - head.size() - tail.size();
  CHECK(ok(answer(head + repeated(",1", room / 2) + tail)));
  CHECK(answer(head + repeated(",1", room / 2 + 1) + tail) == "a BAD Command line is too long\r\n");
  CHECK(refused(answer("a ID " + std::string(1 << 20, '('))));
  // A literal announced on a line that is too long is read past all the same.
  CHECK(refused(answer("a SEARCH " + std::string(kMaxLine, 'x') + " {6+}\r\nb NOOP")));
}

TEST_CASE("literals") {
  const std::string most(kMaxLiterals, 'x');
  CHECK(answer(concat("a SEARCH SUBJECT {", kMaxLiterals, "+}\r\n", most)) ==
        "a BAD Search string is too long\r\n");
  CHECK(answer(concat("a SEARCH SUBJECT {", kMaxLiterals + 1, "+}\r\n", most, "x")) ==
        "a BAD Literal is too large\r\n");
  CHECK(answer(concat("a SEARCH SUBJECT {", kMaxLiterals + 1, "}")) ==
        "a BAD Literal is too large\r\n");
  CHECK(answer("a SELECT {99999999999999999999999999999999999999}") ==
        "a BAD Literal is too large\r\n");
  CHECK(ok(answer("a SEARCH" + repeated(" SUBJECT {1+}\r\nx", kMaxLiteralCount))));
  CHECK(answer("a SEARCH" + repeated(" SUBJECT {1+}\r\nx", kMaxLiteralCount + 1)) ==
        "a BAD Too many literals\r\n");
}

TEST_CASE("what cannot be read past ends the session") {
  FakeStore store;
  const std::string out = talk(store, "a SELECT {99999999999999999999+}\r\nb NOOP\r\n");
  CHECK(out == "* BYE Cannot follow this connection\r\n");
}

TEST_CASE("nesting, keys, items") {
  CHECK(ok(answer("a SEARCH " + repeated("(", kMaxNesting) + "ALL" + repeated(")", kMaxNesting))));
  CHECK(refused(answer("a SEARCH " + repeated("(", kMaxNesting + 1) + "ALL" +
                       repeated(")", kMaxNesting + 1))));
  CHECK(refused(answer("a SEARCH " + repeated("(", 60000))));
  CHECK(ok(answer("a SEARCH " + repeated("NOT ", kMaxNesting) + "ALL")));
  CHECK(refused(answer("a SEARCH " + repeated("NOT ", kMaxNesting + 1) + "ALL")));
  CHECK(ok(answer("a SEARCH" + repeated(" ALL", kMaxSearchKeys))));
  CHECK(refused(answer("a SEARCH" + repeated(" ALL", kMaxSearchKeys + 1))));
  CHECK(ok(answer("a SEARCH SUBJECT " + std::string(kMaxSearchString, 'x'))));
  CHECK(refused(answer("a SEARCH SUBJECT " + std::string(kMaxSearchString + 1, 'x'))));
  CHECK(ok(answer("a FETCH 1 (UID" + repeated(" UID", kMaxFetchItems - 1) + ")")));
  CHECK(refused(answer("a FETCH 1 (UID" + repeated(" UID", kMaxFetchItems) + ")")));
  CHECK(ok(answer("a FETCH 1 BODY.PEEK[1" + repeated(".1", kMaxSectionDepth - 1) + "]")));
  CHECK(refused(answer("a FETCH 1 BODY.PEEK[1" + repeated(".1", kMaxSectionDepth) + "]<0.10>")));
  const std::string fields = "a FETCH 1 BODY.PEEK[HEADER.FIELDS (x";
  CHECK(ok(answer(fields + repeated(" x", kMaxHeaderNames - 1) + ")]")));
  CHECK(refused(answer(fields + repeated(" x", kMaxHeaderNames) + ")]")));
}

TEST_CASE("flags, status items, ID pairs, patterns, tags") {
  std::string flags;
  for (size_t i = 0; i < kMaxFlags + 1; ++i) flags += concat(" k", i);
  CHECK(refused(answer("a STORE 1 FLAGS (x" + flags + ")")));
  CHECK(refused(answer("a STORE 1 FLAGS (" + std::string(65, 'k') + ")")));
  CHECK(ok(answer("a STATUS INBOX (UNSEEN" + repeated(" UNSEEN", kMaxStatusItems - 1) + ")")));
  CHECK(refused(answer("a STATUS INBOX (UNSEEN" + repeated(" UNSEEN", kMaxStatusItems) + ")")));
  CHECK(ok(answer("a ID (\"a\" NIL" + repeated(" \"a\" NIL", kMaxIdPairs - 1) + ")")));
  CHECK(refused(answer("a ID (\"a\" NIL" + repeated(" \"a\" NIL", kMaxIdPairs) + ")")));
  CHECK(ok(answer("a LIST \"\" " + std::string(kMaxPattern, '%'))));
  CHECK(refused(answer("a LIST \"\" " + std::string(kMaxPattern + 1, '%'))));
  for (const size_t size : {size_t{1024}, size_t{4096}, size_t{60000}})
    for (const char* command :
         {"LIST \"\" ", "SELECT ", "COPY 1 ", "RENAME INBOX ", "LSUB \"\" ", "CREATE "})
      (void)answer(concat("a ", command, std::string(size, 'n')));
  CHECK(answer(std::string(kMaxTag + 1, 't') + " NOOP") == "* BAD Invalid tag\r\n");
}

TEST_CASE("no more keywords than the mailbox has room for") {
  const std::string out = answer("a STORE 1 FLAGS (k1 k2 k3 k4 k5)");
  CHECK(out.find("a NO [LIMIT] ") != std::string::npos);
  CHECK(out.find("k4") != std::string::npos);
}

TEST_CASE("APPEND: size and number of messages") {
  SessionConfig config;
  config.message_size_limit = 10;
  CHECK(answer("a APPEND INBOX {11}", config) == "a NO [TOOBIG] Message is too large\r\n");
  CHECK(answer("a APPEND INBOX {11+}\r\n01234567890", config) ==
        "a NO [TOOBIG] Message is too large\r\n");
  CHECK(ok(answer("a APPEND INBOX {10+}\r\n0123456789", config)));
  CHECK(ok(answer("a APPEND INBOX" + repeated(" {1+}\r\nx", kMaxAppendMessages))));
  CHECK(refused(answer("a APPEND INBOX" + repeated(" {1+}\r\nx", kMaxAppendMessages + 1))));
}

TEST_CASE("APPEND over the quota is refused before the message is sent") {
  FakeStore store;
  store.quota_limit = 20;
  SessionConfig config;
  config.quota_bytes = 20;
  CHECK(talk(store, "a APPEND INBOX {21}\r\nb NOOP\r\n", config) ==
        "a NO [OVERQUOTA] Not enough room in the mailbox quota\r\nb OK NOOP completed\r\n");
  CHECK(talk(store, "a APPEND INBOX {11+}\r\n01234567890 {11+}\r\n01234567890\r\n", config)
            .starts_with("a NO [OVERQUOTA]"));
  CHECK(store.folder("INBOX").messages.empty());
  // What just fits is taken.
  CHECK(talk(store, "a APPEND INBOX {10+}\r\n0123456789 {10+}\r\n0123456789\r\n", config)
            .starts_with("a OK"));
}

TEST_CASE("literals of one command, together") {
  const std::string part(kMaxLiterals * 2 / 3, 'n');
  const std::string literal = concat('{', part.size(), "+}\r\n", part);
  CHECK(answer("a SELECT " + literal).find("too large") == std::string::npos);
  CHECK(answer(concat("a RENAME ", literal, ' ', literal)) == "a BAD Literal is too large\r\n");
  // The next command has all the room again, for octets and for literals.
  const std::string two =
      answer(concat("a SELECT ", literal, "\r\nb SELECT ", literal, "\r\nc NOOP"));
  CHECK(two.find("too large") == std::string::npos);
  CHECK(two.find("c OK") != std::string::npos);
  const std::string many = repeated(" SUBJECT {1+}\r\nx", kMaxLiteralCount);
  CHECK(answer(concat("a SEARCH", many, "\r\nb SEARCH", many)).find("Too many") ==
        std::string::npos);
}

// Whole conversations against the store in memory; what needs real files is in tests/transcripts.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "imapd/limits.h"
#include "io/client_stream.h"
#include "tests/unit/imapd/talk.h"

using namespace dmail;
using namespace dmail::imapd;
using namespace dmail::imapd::test;

namespace {

const std::string kMessage =
    "From: Joe <joe@example.org>\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Date: Wed, 16 Aug 2000 14:11:15 +1200\r\nMessage-ID: <1@x>\r\n\r\nHello\r\nworld\r\n";

bool has(const std::string& all, std::string_view part) {
  return all.find(part) != std::string::npos;
}

FakeStore three() {
  FakeStore store;
  FakeFolder& inbox = store.folder("INBOX");
  inbox.add(kMessage, store::kSeen, 966391875, 720);
  inbox.add("Subject: two\r\n\r\nsecond body\r\n", 0, 966391875, 0);
  inbox.add("Subject: three\r\n\r\nthird\r\n", store::kDeleted, 1000000000, 0);
  return store;
}

}  // namespace

TEST_CASE("the sample session of the original") {
  FakeStore store = three();
  CHECK(talk(store, "b select inbox\r\n") ==
        "* 3 EXISTS\r\n* 3 RECENT\r\n* OK [UIDVALIDITY 1000] UID validity status\r\n"
        "* OK [UIDNEXT 4] Predicted next UID\r\n"
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Draft \\Seen)\r\n"
        "* OK [PERMANENTFLAGS (\\* \\Answered \\Flagged \\Deleted \\Draft \\Seen)] Permanent "
        "flags\r\n"
        "* OK [UNSEEN 2] Message 2 is the first unseen\r\n"
        "b OK [READ-WRITE] SELECT completed\r\n");
}

TEST_CASE("the login command's OK is the session's, and PREAUTH by hand") {
  FakeStore store;
  MemoryStream stream("");
  SessionConfig config;
  config.tag = "a1";
  config.command = "AUTHENTICATE";
  Session(store, stream, config, [](bool, std::string_view) {}).run();
  CHECK(stream.output == "a1 OK AUTHENTICATE completed\r\n");
  MemoryStream by_hand("");
  Session(store, by_hand, SessionConfig{}, [](bool, std::string_view) {}).run();
  CHECK(by_hand.output.starts_with("* PREAUTH [CAPABILITY IMAP4rev1 "));
}

TEST_CASE("folders of create_folders are made once") {
  FakeStore store;
  SessionConfig config;
  config.create_folders = {"Sent", "Trash"};
  talk(store, "", config);
  CHECK(talk(store, "a LSUB \"\" *\r\n", config) ==
        "* LSUB () \"/\" Sent\r\n* LSUB () \"/\" Trash\r\na OK LSUB completed\r\n");
}

TEST_CASE("pipelined commands are answered in one write") {
  FakeStore store = three();
  MemoryStream stream("a NOOP\r\nb SELECT INBOX\r\nc FETCH 1:* FLAGS\r\nd LOGOUT\r\n");
  Session(store, stream, SessionConfig{}, [](bool, std::string_view) {}).run();
  CHECK(has(stream.output, "d OK LOGOUT completed\r\n"));
  CHECK(stream.writes == 2);  // the greeting, before input is waited for, and all the rest
}

TEST_CASE("any split of the input gives the same answers") {
  const std::string input =
      "a SELECT INBOX\r\nb SEARCH SUBJECT {3}\r\ntwo\r\nc APPEND INBOX (\\Seen) {20+}\r\n"
      "Subject: x\r\n\r\nbody\r\n\r\nd UID FETCH 4 BODY[]\r\ne IDLE\r\nDONE\r\nf LOGOUT\r\n";
  FakeStore store = three();
  const std::string whole = talk(store, input);
  for (const size_t piece : {1u, 2u, 3u, 7u}) {
    FakeStore again = three();
    CHECK(talk(again, input, {}, piece) == whole);
  }
  CHECK(has(whole, "f OK LOGOUT completed"));
}

TEST_CASE("IDLE says that it lives, as often as it is told to") {
  FakeStore store = three();
  for (const int64_t notify_ms : {20, 0}) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    std::thread server([&] {
      SessionConfig config;
      config.idle_notify_ms = notify_ms;
      ClientStream stream(pair[0], pair[0]);
      Session(store, stream, config, [](bool, std::string_view) {}).run();
      ::close(pair[0]);
    });
    const auto say = [&](std::string_view text) {
      CHECK(::send(pair[1], text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    };
    std::string heard;
    const auto hear = [&](std::string_view text, size_t times) {
      const auto count = [&] {
        size_t n = 0;
        for (size_t at = 0; (at = heard.find(text, at)) != heard.npos; ++at) ++n;
        return n;
      };
      char buffer[1000];
      while (count() < times) {
        const ssize_t got = ::recv(pair[1], buffer, sizeof buffer, 0);
        REQUIRE(got > 0);
        heard.append(buffer, static_cast<size_t>(got));
      }
    };
    say("a IDLE\r\n");
    hear("+ idling\r\n", 1);
    if (notify_ms > 0) hear("* OK Still here\r\n", 3);
    say("DONE\r\nb LOGOUT\r\n");
    hear("a OK IDLE completed\r\n", 1);
    hear("b OK LOGOUT completed\r\n", 1);
    if (notify_ms == 0) CHECK_FALSE(has(heard, "Still here"));
    server.join();
    ::close(pair[1]);
  }
  CHECK(SessionConfig().idle_notify_ms == 120 * 1000);
}

TEST_CASE("errors of the store have one response code each") {
  const std::pair<ErrorKind, const char*> kinds[] = {
      {ErrorKind::NotFound, "NO [NONEXISTENT]"}, {ErrorKind::Exists, "NO [ALREADYEXISTS]"},
      {ErrorKind::InUse, "NO [INUSE]"},          {ErrorKind::NoPermission, "NO [NOPERM]"},
      {ErrorKind::OverQuota, "NO [OVERQUOTA]"},  {ErrorKind::NoSpace, "NO [UNAVAILABLE]"},
      {ErrorKind::Io, "NO [SERVERBUG]"},         {ErrorKind::Corrupt, "NO [CORRUPTION]"},
      {ErrorKind::Limit, "NO [LIMIT]"},          {ErrorKind::Unsupported, "NO [CANNOT]"},
      {ErrorKind::TryLater, "NO [UNAVAILABLE]"}, {ErrorKind::BadInput, "NO [CANNOT]"}};
  for (const auto& [kind, code] : kinds) {
    FakeStore store;
    store.failing = Error{kind, "Because", "log text"};
    CHECK(talk(store, "a CREATE x\r\n") == concat("a ", code, " Because\r\n"));
  }
  FakeStore store = three();
  CHECK(has(talk(store, "a APPEND nosuch {3}\r\n"), "a NO [TRYCREATE]"));
  CHECK(has(talk(store, "a SELECT INBOX\r\nb COPY 1 nosuch\r\n"), "b NO [TRYCREATE]"));
}

TEST_CASE("expunges of others are told only where numbers may change") {
  FakeStore store = three();
  auto other = store.select("INBOX", false);
  // The other session expunges in the middle: its effect is made by a stream that acts at a read.
  struct Acting : MemoryStream {
    using MemoryStream::MemoryStream;
    store::Mailbox* other = nullptr;
    int reads = 0;
    size_t read(std::span<char> into, Deadline d) override {
      if (++reads == 20) CHECK(other->expunge(nullptr));
      return MemoryStream::read(into, d);
    }
  };
  Acting stream(
      "a SELECT INBOX\r\nb FETCH 1:* FLAGS\r\nc STORE 1 FLAGS ()\r\nd SEARCH ALL\r\n"
      "e FETCH 3 BODY.PEEK[]\r\nf FETCH 3 FLAGS\r\ng UID FETCH 1:* UID\r\nh LOGOUT\r\n",
      1);
  stream.other = other->get();
  Session(store, stream, SessionConfig{}, [](bool, std::string_view) {}).run();
  const std::string& out = stream.output;
  INFO(out);
  CHECK(has(out, "* SEARCH 1 2 3\r\n"));
  CHECK(has(out, "e NO [EXPUNGEISSUED]"));
  CHECK(has(out, "* 3 FETCH (FLAGS (\\Deleted))\r\nf OK"));
  CHECK(has(out, "* 3 EXPUNGE\r\ng OK"));
  CHECK(out.find("EXPUNGE\r\n") > out.find("f OK"));
}

TEST_CASE("a bad command leaves the connection in step") {
  for (const char* bad :
       {"a FETCH\r\n", "a UID\r\n", "a UID NOOP\r\n", "a\r\n", "* NOOP\r\n", "+ x\r\n", "\r\n",
        "a  NOOP\r\n", "a FETCH 1 (FLAGS\r\n", "a \"NOOP\"\r\n", "\x80 NOOP\r\n", "%n%n%s NOOP\r\n",
        "a LOGIN {3+}\r\nabc {2+}\r\nxy\r\n", "a NOOP x\r\n", "a STORE 1 FLAGS (\\Recent)\r\n",
        "a B\rAD\r\n"}) {
    FakeStore store = three();
    const std::string out = talk(store, std::string("s SELECT INBOX\r\n") + bad + "z NOOP\r\n");
    INFO(bad);
    CHECK(out.ends_with("z OK NOOP completed\r\n"));
    CHECK(has(out, "BAD "));
  }
}

TEST_CASE("twenty bad commands in a row end the session") {
  FakeStore store;
  std::string input;
  for (int i = 0; i < kMaxBadCommands + 5; ++i) input += "a XYZZY\r\n";
  const std::string out = talk(store, input);
  CHECK(std::count(out.begin(), out.end(), '\n') == kMaxBadCommands + 1);
  CHECK(out.ends_with("* BYE Too many bad commands\r\n"));
}

TEST_CASE("fields of an enclosed header that a boundary cuts") {
  FakeStore store;
  store.folder("INBOX").add(
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
      "To: x\r\nSubject: enclosed\r\n--b--\r\n");
  const std::string out =
      talk(store, "a SELECT INBOX\r\nb FETCH 1 BODY.PEEK[1.HEADER.FIELDS (SUBJECT)]\r\n");
  CHECK(has(out, "BODY[1.HEADER.FIELDS (SUBJECT)] {21}\r\nSubject: enclosed\r\n\r\n)\r\n"));
}

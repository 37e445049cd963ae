// Python's mailbox module as an independent reader of what we write; passed over where there is no
// python3.
#include <sys/wait.h>

#include <cstdio>

#include "mail_file_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

// Subjects and last body lines of all messages, one message a line, as Python sees the file.
std::string judged(const std::string& path) {
  const std::string command =
      "python3 -c 'import mailbox,sys\nfor m in mailbox.mbox(sys.argv[1], create=False):\n"
      " print(m[\"Subject\"], m[\"X-UID\"], m.get_flags().replace(\" \",\"\"), "
      "m.get_payload().rstrip(\"\\n\").split(\"\\n\")[-1], "
      "sep=\"|\")' '" +
      path + "' 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  CHECK(::pclose(pipe) == 0);
  return out;
}

}  // namespace

TEST_CASE("mbox: Python's mailbox module reads the same messages") {
  if (std::system("python3 -c 'import mailbox' >/dev/null 2>&1") != 0) {
    WARN("no python3: passed over");
    return;
  }
  MailDir m(
      "From foreign@example.org Sat Nov 21 11:05:22 2026\nSubject: zero\n\nfirst\n\n>From "
      "quoted\nlast");
  REQUIRE(m.load());
  m.header.uid_validity = 9;
  REQUIRE(
      m.append({"Subject: one\r\n\r\nFrom x@y Sat Nov 21 11:05:22 2026\r\nend one\r\n",
                "Subject: two\r\n\r\n\r\n\r\nFrom x\r\n", "Subject: three\r\n\r\nend three\r\n"},
               kSeen | kFlagged));
  CHECK(judged(m.path) ==
        "zero|None||last\none|0000000001|RF|end one\ntwo|0000000002|RF|>From "
        "x\nthree|0000000003|RF|end three\n");
  m.records.clear();
  REQUIRE(m.load());
  m.records[0].uid = 0;
  uint32_t uid = 0;
  std::vector<Record*> changed;
  for (Record& r : m.records) {
    r.uid = ++uid;
    r.flags = r.uid % 2 ? kAnswered : kDeleted;
    changed.push_back(&r);
  }
  REQUIRE(*m.file->write_state(changed, m.records, m.keywords, m.header));
  m.records[1].form |= kExpunged;
  REQUIRE(m.file->expunge(m.records, m.keywords, m.header));
  CHECK(judged(m.path) ==
        "zero|0000000001|OA|last\ntwo|0000000003|OA|>From x\nthree|0000000004|OD|end three\n");
}

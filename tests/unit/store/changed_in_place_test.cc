// Another program has written other mail into the file, of the same length as what stood there: our
// old knowledge of it must neither be written over it nor served as if it still were true.
#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "mail_file_fixture.h"
#include "store_fixture.h"

namespace dmail::store {
namespace {

// Changes `from` into `to`, of the same length, where it first stands in the file.
void edit(const std::string& path, std::string_view from, std::string_view to) {
  REQUIRE(from.size() == to.size());
  auto text = read_file(path, 1 << 30);
  must(text);
  const size_t at = text->find(from);
  REQUIRE(at != std::string::npos);
  auto file = open_file(path, O_RDWR);
  must(file);
  REQUIRE(write_at(file->get(), to, at));
}

}  // namespace

TEST_CASE("flags are not written into a message whose From_ line is another by now") {
  MailDir dir;
  must(dir.append({"Subject: one\r\n\r\nbody\r\n", "Subject: two\r\n\r\nbody\r\n"}));
  const std::string before = dir.bytes();
  const size_t line = before.find("From ann@example.org");
  REQUIRE(line != std::string::npos);
  edit(dir.path, "From ann@example.org", "From eve@example.org");
  const std::string foreign = dir.bytes();
  dir.records[0].flags |= kFlagged;
  std::vector<Record*> changed = {dir.records.data()};
  auto written = dir.file->write_state(changed, dir.records, dir.keywords, dir.header);
  CHECK_FALSE(written);
  CHECK(dir.bytes() == foreign);
  edit(dir.path, "From eve@example.org", "From ann@example.org");
  CHECK(dir.file->write_state(changed, dir.records, dir.keywords, dir.header));
}

TEST_CASE("an early message that was replaced is found when mail was added behind it, too") {
  StoreFixture fixture;
  auto store = fixture.open();
  for (int i = 0; i < 40; ++i)
    put(*store, "INBOX", message("number " + std::to_string(i)), i == 0 ? uint32_t{kSeen} : 0);
  // Message 1 gives way to one of its length that has no UID; then one more message.
  auto text = read_file(fixture.config.drop_file, 1 << 30);
  must(text);
  const std::string first = text->substr(0, text->find("\n\nFrom ") + 2);
  std::string other = "From a@b Sat Jan  3 01:05:34 1998\nSubject: NUMBER X\n\n";
  other += std::string(first.size() - other.size() - 2, 'x') + "\n\n";
  edit(fixture.config.drop_file, first, other);
  std::ofstream(fixture.config.drop_file, std::ios::app)
      << "From a@b Sat Jan  3 01:05:34 1998\nSubject: added\n\nbody\n\n";
  auto again = fixture.open();
  auto box = choose(*again, "INBOX");
  REQUIRE(box->count() == 41);
  CHECK(text_of(*box, 1).find("NUMBER X") != std::string::npos);
  CHECK((box->info(1).flags & kSeen) == 0);  // that was the other one
  CHECK(text_of(*box, 41).find("added") != std::string::npos);
}

}  // namespace dmail::store

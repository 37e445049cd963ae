// A Store keeps what it opened for an append open for the next one to the same mailbox.
#include "store_fixture.h"

using namespace dmail::store;

namespace {

uint32_t count_in(Store& store, const std::string& mailbox) {
  auto status = store.status(mailbox);
  must(status);
  return status->messages;
}

bool refuses(Store& store, const std::string& mailbox) {
  auto appender = store.append(mailbox);
  return !appender && appender.error().kind == dmail::ErrorKind::NotFound;
}

}  // namespace

TEST_CASE_METHOD(StoreFixture, "appends one after another go where the name leads by then") {
  auto store = open(), other = open();
  must(store->create("a"));
  must(store->create("b"));
  CHECK(put(*store, "a", message("1")).to_string() == "1");
  CHECK(put(*other, "a", message("2")).to_string() == "2");
  CHECK(put(*store, "a", message("3")).to_string() == "3");
  CHECK(put(*store, "b", message("4")).to_string() == "1");
  CHECK(put(*store, "a", message("5")).to_string() == "4");

  SECTION("another session deletes it") {
    must(other->remove("a"));
    CHECK(refuses(*store, "a"));
    must(other->create("a"));
    CHECK(put(*store, "a", message("6")).to_string() == "1");
    CHECK(count_in(*other, "a") == 1);
  }
  SECTION("another session renames it and makes it again") {
    must(other->rename("a", "c"));
    CHECK(refuses(*store, "a"));
    put(*store, "c", message("6"));
    must(other->create("a"));
    put(*store, "a", message("7"));
    CHECK(count_in(*other, "a") == 1);
    CHECK(count_in(*other, "c") == 5);
  }
  SECTION("it gets children") {
    must(other->create("a/child"));
    CHECK(put(*store, "a", message("6")).to_string() == "5");
    CHECK(count_in(*other, "a") == 5);
  }
  SECTION("this session deletes and renames") {
    must(store->remove("a"));
    CHECK(refuses(*store, "a"));
    put(*store, "b", message("6"));
    must(store->rename("b", "a"));
    CHECK(refuses(*store, "b"));
    CHECK(put(*store, "a", message("7")).to_string() == "3");
  }
  SECTION("the drop file is replaced") {
    put(*store, "INBOX", message("6"));
    std::filesystem::remove(config.drop_file);
    put(*other, "INBOX", message("7"));
    put(*store, "INBOX", message("8"));
    CHECK(count_in(*other, "INBOX") == 2);
  }
  SECTION("the client rests") {
    store->rest();
    CHECK(put(*store, "a", message("6")).to_string() == "5");
  }
}

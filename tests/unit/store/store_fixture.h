// A store in a directory of its own, and short ways to fill and read mailboxes.
#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "store/mailbox.h"
#include "store/store.h"

namespace dmail::store {

class StoreFixture {
 public:
  StoreFixture() {
    char name[] = "/tmp/dmail-store-XXXXXX";
    root = ::mkdtemp(name);
    config.drop_file = root + "/anna";
    config.folders = root + "/anna.mbx";
  }
  ~StoreFixture() { std::filesystem::remove_all(root); }

  std::unique_ptr<Store> open() {
    auto store = Store::open(config);
    REQUIRE(store);
    return std::move(*store);
  }
  std::string root;
  StoreConfig config;
};

// Says why a step failed.
template <typename T>
void must(const Result<T>& result) {
  if (!result) FAIL(result.error().client << " | " << result.error().log);
}

inline std::string message(const std::string& subject, size_t body = 20) {
  return "From: a@example.com\r\nTo: b@example.com\r\nSubject: " + subject + "\r\n\r\n" +
         std::string(body, 'x') + "\r\n";
}

inline UidSet put(Store& store, const std::string& mailbox, const std::string& text,
                  uint32_t flags = 0, std::vector<std::string> keywords = {}) {
  auto appender = store.append(mailbox);
  must(appender);
  must((*appender)->begin({flags, std::move(keywords), 1000000000, 60, "s@example.com"}));
  must((*appender)->write(text));
  must((*appender)->end());
  auto done = (*appender)->commit();
  must(done);
  return done->uids;
}

inline std::unique_ptr<Mailbox> choose(Store& store, const std::string& mailbox,
                                       bool read_only = false) {
  auto box = store.select(mailbox, read_only);
  must(box);
  return std::move(*box);
}

inline UidSet set_of(uint32_t first, uint32_t last) {
  UidSet set;
  set.add(first, last);
  return set;
}

inline FlagOutcome flag(Mailbox& box, uint32_t first, uint32_t last, FlagAction action,
                        uint32_t flags, std::vector<std::string> keywords = {}) {
  FlagChange change;
  change.action = action;
  change.flags = flags;
  change.keywords = std::move(keywords);
  auto done = box.change_flags(set_of(first, last), change);
  must(done);
  return *done;
}

inline std::string text_of(Mailbox& box, uint32_t number) {
  auto text = box.text(number);
  must(text);
  return std::string(*text);
}

}  // namespace dmail::store

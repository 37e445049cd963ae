// A store in memory, as small as the IMAP engine's tests and its fuzz target allow.  Several
// Mailbox views of one folder see each other's changes at sync(), as with the real one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/mailbox.h"
#include "store/store.h"

namespace dmail::imapd::test {

struct FakeMessage {
  uint32_t uid = 0;
  uint32_t flags = 0;
  uint64_t keywords = 0;
  int64_t date = 0;
  int zone = 0;
  uint64_t change = 0;  // number of the last change, for other views
  std::string text;
};

struct FakeFolder {
  std::vector<std::shared_ptr<FakeMessage>> messages;
  std::vector<std::string> keywords;
  uint32_t uid_validity = 1000;
  uint32_t uid_next = 1;
  uint64_t changes = 0;
  uint32_t recent_from = 1;  // first UID no session has seen
  bool removed = false;

  FakeMessage& add(std::string text, uint32_t flags = 0, int64_t date = 0, int zone = 0);
};

class FakeStore : public store::Store {
 public:
  FakeStore();
  FakeFolder& folder(const std::string& name) { return *folders_.at(name); }
  bool has(const std::string& name) const { return folders_.contains(name); }

  Status list(const std::function<void(const store::MailboxEntry&)>& each) override;
  Result<store::MailboxEntry> lookup(std::string_view name) override;
  Status create(std::string_view name) override;
  Status remove(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Result<std::vector<std::string>> subscriptions() override;
  Status subscribe(std::string_view name, bool on) override;
  Result<std::unique_ptr<store::Mailbox>> select(std::string_view name, bool read_only) override;
  Result<store::MailboxStatus> status(std::string_view name) override;
  Result<std::unique_ptr<store::Appender>> append(std::string_view name) override;
  Result<store::Quota> quota() override;
  void rest() override {}

  // Every call fails with this while it is set (how errors are mapped).
  std::optional<Error> failing;
  // A message that was sent once is gone: somebody expunged it in the middle of a FETCH.
  bool gone_after_send = false;
  uint64_t quota_limit = 0;

 private:
  std::shared_ptr<FakeFolder> find(std::string_view name) const;
  std::map<std::string, std::shared_ptr<FakeFolder>> folders_;
  std::set<std::string> subscribed_;
};

}  // namespace dmail::imapd::test

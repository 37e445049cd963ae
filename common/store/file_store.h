// Store over a drop file and a folder tree.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/box.h"
#include "store/folder_tree.h"
#include "store/store.h"

namespace dmail::store {

class FileStore : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(StoreConfig config);

  Status list(const std::function<void(const MailboxEntry&)>& each) override;
  Result<MailboxEntry> lookup(std::string_view name) override;
  Status create(std::string_view name) override;
  Status remove(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Result<std::vector<std::string>> subscriptions() override;
  Status subscribe(std::string_view name, bool on) override;
  Result<std::unique_ptr<Mailbox>> select(std::string_view name, bool read_only) override;
  Result<MailboxStatus> status(std::string_view name) override;
  Result<std::unique_ptr<Appender>> append(std::string_view name) override;
  Result<Quota> quota() override;
  void rest() override { kept_.reset(); }

  // The mailbox as all share it; NotFound.
  Result<std::unique_ptr<Box>> open_box(std::string_view name);
  // Before mailbox locks are taken for a write: makes sure that the sum behind the quota is known.
  Status know_quota();
  [[nodiscard]] const StoreContext& context() const { return *context_; }
  // The next append() may be one to the same mailbox.
  void keep(std::unique_ptr<Box> box) { kept_ = std::move(box); }

 private:
  FileStore() = default;
  Result<FolderTree::Lock> lock_tree();
  Status rename_inbox(const std::string& to);
  Status create_locked(const std::string& name);
  struct Moving;  // a mailbox that RENAME gives another name
  Result<std::vector<Moving>> moving_with(const std::string& from, const std::string& to);
  Status hold(Moving& moving);
  Status move_index(const Moving& moving);
  // What lies beside the mailbox `name`, or beside one that had the name.
  Status drop_index(std::string_view name);
  void drop_stray_indexes();
  Result<MailboxStatus> slow_status(std::string_view name);

  std::unique_ptr<StoreContext> context_;
  std::unique_ptr<FolderTree> tree_;
  std::unique_ptr<Box> kept_;  // of the last append(), until the session waits for its client
};

}  // namespace dmail::store

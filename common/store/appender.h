// Appender into a Box.  Memory: kInMemory a message and kAllInMemory in all; the rest goes to one
// unlinked temporary file in `.index`.  Line ends become CRLF: a lone LF gets its CR, a CR without
// LF stays what it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/file_store.h"

namespace dmail::store {

class BoxAppender : public Appender {
 public:
  static constexpr size_t kInMemory = size_t{1} << 20;
  static constexpr size_t kAllInMemory = size_t{4} << 20;
  static constexpr size_t kMaxMessages = 100000;

  BoxAppender(FileStore& store, std::unique_ptr<Box> box) : store_(&store), box_(std::move(box)) {}
  ~BoxAppender() override {
    if (stored_) store_->keep(std::move(box_));
  }
  Status begin(Meta meta) override;
  Status write(std::string_view bytes) override;
  Status end() override;
  Result<Done> commit() override;

 private:
  struct Item {
    Meta meta;
    std::string bytes;    // in memory,
    uint64_t offset = 0;  // or in the temporary file
    uint64_t size = 0;
    bool spilled = false;
  };
  Status take(std::string_view bytes);
  Status spill(Item& item);

  FileStore* store_;
  std::unique_ptr<Box> box_;
  std::vector<Item> items_;
  bool open_ = false, stored_ = false;
  char last_ = 0;
  size_t in_memory_ = 0;
  OwnedFd spool_;
  uint64_t spool_size_ = 0;
};

}  // namespace dmail::store

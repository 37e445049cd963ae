// One generation of a mailbox's index, open in this process: mapped read-only and shared (on a
// shared spool: a private copy, read again when it changed), written with pwrite by whoever holds
// the mailbox's exclusive lock.  Writing by pwrite makes a full disk an error instead of a signal.
//
// A generation is never truncated or shortened: sessions that map an old one keep it until they let
// go.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/owned_fd.h"
#include "store/index_format.h"
#include "store/keyword_table.h"
#include "store/map_guard.h"

namespace dmail::store {

std::array<uint8_t, 16> boot_id();  // of the running kernel; zeros where unknown

class Index {
 public:
  // Corrupt: not ours, torn, or from another version.  `private_copy`: the file system cannot map.
  static Result<std::unique_ptr<Index>> open(int directory, const std::string& name,
                                             bool private_copy);
  // Writes a whole new generation and renames it over `name`.  With no room on the disk (or no
  // right to write) it is kept in anonymous memory: right for this process, made again by the next.
  static Result<std::unique_ptr<Index>> create(int directory, const std::string& name,
                                               bool private_copy, IndexHeader header,
                                               const KeywordTable& keywords,
                                               std::span<const Record> records);
  // A generation that only this process has.
  static Result<std::unique_ptr<Index>> in_memory(IndexHeader header, const KeywordTable& keywords,
                                                  std::span<const Record> records);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // A consistent copy of the header; nullopt when it never holds still or is damaged.
  [[nodiscard]] std::optional<IndexHeader> header();
  // Only the header, of an index that nobody needs to map.
  static std::optional<IndexHeader> peek(int directory, const std::string& name);

  // Record `position` when it is in bounds and whole.
  bool record(uint32_t position, Record& out);
  // Unchecked, for what only counts or compares: nullptr when out of bounds.
  const Record* raw(uint32_t position);
  [[nodiscard]] uint32_t layout() const;  // see IndexHeader::layout
  [[nodiscard]] bool superseded() const;
  [[nodiscard]] bool unlinked() const;          // somebody removed the file
  bool note(uint64_t number, ChangeNote& out);  // false when the ring has gone past it
  KeywordTable keywords();
  bool keywords_hold();  // the names are what their check word says
  // First position below `count` whose UID is at least `uid`; nullopt when the records around it
  // are damaged, or say otherwise.
  std::optional<uint32_t> lower_bound(uint32_t uid, uint32_t count);

  // Writers, under the exclusive lock.  write_header sets the check word, and `check` in records
  // too.
  Status write_header(IndexHeader& header);
  Status write_records(uint32_t position, std::span<Record> records);
  Status write_note(IndexHeader& header, ChangeNote note);
  Status write_keywords(IndexHeader& header, const KeywordTable& keywords);
  // Sets Record::cache of one record; harmless when it hits a generation that is gone.
  Status write_cache_place(uint32_t position, uint64_t place);

  // A private, changeable copy of positions 0..count-1 that costs only what is touched.
  class Scratch {
   public:
    Scratch() = default;
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&& other) noexcept;
    ~Scratch();
    std::span<Record> records;

   private:
    friend class Index;
    void* map_ = nullptr;
    size_t map_size_ = 0;
    MapGuard guard_;
    std::vector<Record> copy_;
  };
  Result<Scratch> scratch(uint32_t count);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool is_in_memory() const { return in_memory_; }

 private:
  Index() = default;
  [[nodiscard]] bool same_generation() const;
  bool reach(uint64_t bytes);  // makes that many bytes of the file readable at base_
  bool load();
  [[nodiscard]] uint32_t field(size_t at) const;  // of the header, as it is in the file now
  Status write(std::string_view bytes, uint64_t at);

  OwnedFd fd_;
  uint64_t generation_ = 0;  // what stands in the file under another one is no content of ours
  bool private_copy_ = false;
  bool in_memory_ = false;
  const char* base_ = nullptr;
  size_t mapped_ = 0;      // bytes of address space
  uint64_t readable_ = 0;  // bytes known to stand in the file
  MapGuard guard_;         // of the mapping
  std::string copy_;       // private_copy_
};

}  // namespace dmail::store

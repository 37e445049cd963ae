// Taking pieces out of a mail file where there is no room for a copy of what stands behind them
// (rewrite_journal.h): what is kept moves forward within the file, so that a full disk can be
// emptied.
//
// A chunk is never longer than the gap before it, so that its source stands until the next chunk;
// the journal says how far it is, in two slots that are written in turn, and is on disk before the
// next chunk overwrites anything.  It needs one block of the disk for itself.  `recover` goes on
// where a crash or an error left it, as often as needed; what other agents appended meanwhile moves
// along. A file that they cut or rewrote is left as it is, and the journal set aside as
// PATH.unused.
//
// Small gaps before much text take many steps, with two syncs each: over kMaxSteps nothing is
// begun.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/owned_fd.h"
#include "store/cut_sample.h"

namespace dmail::store {

class ShrinkJournal {
 public:
  struct Piece {
    uint64_t from, to;  // [from, to) of the mail file is kept
  };
  static constexpr uint64_t kMaxSteps = 4096;
  static constexpr size_t kMaxPieces = 100000;

  // Everything from `start` on becomes `kept`, in that order; the first piece begins behind
  // `start`, pieces do not touch.  NoSpace, or Limit for too many steps: nothing has changed. After
  // another error the journal may be there: nothing but `recover` may touch the file then.
  static Status shrink(int file, const std::string& path, uint64_t start,
                       std::span<const Piece> kept);
  // Goes on with a journal of this kind at `path`; one of another kind is left alone.
  static Status recover(int file, const std::string& path);

 private:
  struct Header {
    char magic[8];
    uint64_t start, old_size, new_size;  // of the mail file
    uint32_t pieces;
    uint32_t before_size;
    char before[64];  // the bytes before `start`
    uint32_t unused;
    uint32_t crc;  // of everything above, and of the pieces
  };
  struct Slot {
    uint64_t written;  // the mail file is new up to here
    uint32_t phase;    // 1 moving, 2 to be cut
    uint32_t sample;   // moving: checksum of the next bytes to move; cutting: of those to cut off
    uint32_t unused;
    uint32_t crc;  // of everything above
  };

  ShrinkJournal(int file, std::string path) : file_(file), path_(std::move(path)) {}
  static uint32_t crc_of(const Header& h, std::span<const Piece> pieces);
  Result<bool> load();
  Status create(const std::string& path);
  Status amend(uint64_t size);
  Status run();
  Status move_all();
  Status cut();
  Status put_slot(uint32_t phase);
  Result<CutSample> sample(uint32_t phase) const;
  [[nodiscard]] uint64_t source_of(uint64_t out, uint64_t& left) const;
  [[nodiscard]] uint64_t steps() const;
  Status sample_before();

  int file_;
  std::string path_;
  OwnedFd journal_;
  Header header_{};
  std::vector<Piece> pieces_;
  Slot slot_{};
  unsigned turn_ = 0;  // of the slots
};

}  // namespace dmail::store

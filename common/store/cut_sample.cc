#include "store/cut_sample.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/crc32.h"
#include "io/file.h"

namespace dmail::store {
namespace {

constexpr uint64_t kSector = 512;
constexpr uint64_t kChunk = 512 * kSector;

}  // namespace

Result<CutSample> cut_sample(int file, uint64_t from, uint64_t to) {
  CutSample sample;
  std::string buffer(static_cast<size_t>(std::min(kChunk, to - from)), '\0');
  bool zeros = true;  // since the sector began
  for (uint64_t at = from; at < to;) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), to - at));
    auto n = read_at(file, {buffer.data(), want}, at);
    if (!n) return std::move(n.error());
    if (*n < want)
      return Error{ErrorKind::Corrupt, "The mailbox was cut short",
                   "file ends while it is made shorter"};
    sample.crc = crc32(std::string_view(buffer).substr(0, want), sample.crc);
    for (size_t i = 0; i < want; ++i) {
      zeros = zeros && buffer[i] == '\0';
      if (++at % kSector != 0 && at != to) continue;
      sample.sector_of_zeros = sample.sector_of_zeros || zeros;
      zeros = true;
    }
  }
  return sample;
}

}  // namespace dmail::store

#include "base/crc32.h"

#include <array>
#include <cstring>

namespace dmail {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    t[0][i] = c;
  }
  for (uint32_t i = 0; i < 256; ++i)
    for (size_t k = 1; k < 8; ++k) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 255];
  return t;
}
constexpr Tables kTables = make_tables();

}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t seed) {
  uint32_t c = ~seed;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {  // slicing by 8
    uint32_t lo, hi;
    std::memcpy(&lo, p, 4);
    std::memcpy(&hi, p + 4, 4);
    lo ^= c;
    c = kTables[7][lo & 255] ^ kTables[6][lo >> 8 & 255] ^ kTables[5][lo >> 16 & 255] ^
        kTables[4][lo >> 24] ^ kTables[3][hi & 255] ^ kTables[2][hi >> 8 & 255] ^
        kTables[1][hi >> 16 & 255] ^ kTables[0][hi >> 24];
  }
  for (; n > 0; --n, ++p) c = c >> 8 ^ kTables[0][(c ^ *p) & 255];
  return ~c;
}

}  // namespace dmail

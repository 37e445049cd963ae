// CRC-32 (IEEE 802.3, reflected) over bytes: notices torn and damaged records; no defence against
// malice.
#pragma once

#include <cstdint>
#include <string_view>

namespace dmail {

// Continue with the previous value as `seed` to cover several pieces.
uint32_t crc32(std::string_view bytes, uint32_t seed = 0);

}  // namespace dmail

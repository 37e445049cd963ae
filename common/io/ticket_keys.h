// Keys of TLS session tickets: the bytes of the file that a root monitor keeps
// (privsep/ticket_file.h) and the TLS programs read.  No OpenSSL here.
//
// Fixed layout: magic (8), number of keys (8), then per key, newest first: time
// it was made (8, seconds, low first), name (16), AES-256 key (32), HMAC-SHA256 key (32); last the
// CRC-32 of all that (4).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail {

inline constexpr int64_t kTicketKeySeconds = 12 * 3600;  // then a new key takes over
inline constexpr int64_t kTicketSeconds = 12 * 3600;     // a ticket's life: within its key's
inline constexpr size_t kMaxTicketKeys = 2;
inline constexpr size_t kTicketKeyBytes = 16 + 32 + 32;
inline constexpr size_t kMaxTicketFile = 16 + kMaxTicketKeys * (8 + kTicketKeyBytes) + 4;

struct TicketKey {
  int64_t made = 0;
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher_key{};
  std::array<unsigned char, 32> mac_key{};
};

// 1 .. kMaxTicketKeys keys.
std::string ticket_file_of(const std::vector<TicketKey>& keys);
// Corrupt when it is anything else than a whole file.
Result<std::vector<TicketKey>> ticket_keys_of(std::string_view bytes);
// A new key from the kernel's random numbers.
Result<TicketKey> make_ticket_key(int64_t now);

// Whether `keys` serve at `now` as they are, and what takes their place if not: a new key in front,
// the one before kept while its tickets may live.  A key from the future (the clock went back) does
// not stay.
bool ticket_keys_current(const std::vector<TicketKey>& keys, int64_t now);
Result<std::vector<TicketKey>> next_ticket_keys(const std::vector<TicketKey>& keys, int64_t now);

void wipe_keys(TicketKey& key);
void wipe_keys(std::vector<TicketKey>& keys);

}  // namespace dmail

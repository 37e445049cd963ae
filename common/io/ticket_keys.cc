#include "io/ticket_keys.h"

#include <string.h>
#include <sys/random.h>

#include <cerrno>

#include "base/crc32.h"

namespace dmail {
namespace {

constexpr std::string_view kMagic("DMTICK1\n", 8);
constexpr size_t kHead = 16;
constexpr size_t kOne = 8 + kTicketKeyBytes;

void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t take(std::string_view& in, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(bytes);
  return value;
}

template <size_t N>
void put(std::string& out, const std::array<unsigned char, N>& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), N);
}

template <size_t N>
void take(std::string_view& in, std::array<unsigned char, N>& into) {
  ::memcpy(into.data(), in.data(), N);
  in.remove_prefix(N);
}

Error corrupt() {
  return Error{ErrorKind::Corrupt, "TLS is not available", "no whole file of ticket keys"};
}

}  // namespace

std::string ticket_file_of(const std::vector<TicketKey>& keys) {
  std::string out(kMagic);
  out.reserve(kMaxTicketFile);
  put(out, keys.size(), 8);
  for (const TicketKey& key : keys) {
    put(out, static_cast<uint64_t>(key.made), 8);
    put(out, key.name);
    put(out, key.cipher_key);
    put(out, key.mac_key);
  }
  put(out, crc32(out), 4);
  return out;
}

Result<std::vector<TicketKey>> ticket_keys_of(std::string_view bytes) {
  if (bytes.size() < kHead || bytes.size() > kMaxTicketFile || !bytes.starts_with(kMagic))
    return corrupt();
  const std::string_view all = bytes;
  bytes.remove_prefix(kMagic.size());
  const uint64_t count = take(bytes, 8);
  if (count == 0 || count > kMaxTicketKeys || bytes.size() != count * kOne + 4) return corrupt();
  std::vector<TicketKey> keys(count);
  for (TicketKey& key : keys) {
    key.made = static_cast<int64_t>(take(bytes, 8));
    take(bytes, key.name);
    take(bytes, key.cipher_key);
    take(bytes, key.mac_key);
  }
  if (take(bytes, 4) != crc32(all.substr(0, all.size() - 4))) {
    wipe_keys(keys);
    return corrupt();
  }
  return keys;
}

Result<TicketKey> make_ticket_key(int64_t now) {
  unsigned char random[kTicketKeyBytes];
  if (::getrandom(random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
    return system_error("getrandom", errno);
  TicketKey key;
  key.made = now;
  ::memcpy(key.name.data(), random, 16);
  ::memcpy(key.cipher_key.data(), random + 16, 32);
  ::memcpy(key.mac_key.data(), random + 48, 32);
  ::explicit_bzero(random, sizeof random);
  return key;
}

bool ticket_keys_current(const std::vector<TicketKey>& keys, int64_t now) {
  if (keys.empty()) return false;
  for (const TicketKey& key : keys)
    if (key.made > now) return false;
  // The older one must be gone by the time that the last of its tickets is too old.
  return now - keys.front().made < kTicketKeySeconds &&
         now - keys.back().made < kTicketKeySeconds + kTicketSeconds;
}

Result<std::vector<TicketKey>> next_ticket_keys(const std::vector<TicketKey>& keys, int64_t now) {
  std::vector<TicketKey> out;
  const bool front_serves =
      !keys.empty() && keys[0].made <= now && now - keys[0].made < kTicketKeySeconds;
  if (front_serves) {
    out.push_back(keys[0]);
    return out;  // it is the second that had to go
  }
  auto made = make_ticket_key(now);
  if (!made) return std::move(made.error());
  out.push_back(*made);
  wipe_keys(*made);
  for (const TicketKey& key : keys)
    if (out.size() < kMaxTicketKeys && key.made <= now &&
        now - key.made < kTicketKeySeconds + kTicketSeconds)
      out.push_back(key);
  return out;
}

void wipe_keys(TicketKey& key) {
  ::explicit_bzero(key.cipher_key.data(), key.cipher_key.size());
  ::explicit_bzero(key.mac_key.data(), key.mac_key.size());
}

void wipe_keys(std::vector<TicketKey>& keys) {
  for (TicketKey& key : keys) wipe_keys(key);
  keys.clear();
}

}  // namespace dmail

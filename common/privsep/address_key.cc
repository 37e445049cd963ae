#include "privsep/address_key.h"

#include <arpa/inet.h>

#include "account/address_list.h"

namespace dmail::privsep {
namespace {

std::string key_of(std::string_view ip, size_t bytes_of_v6) {
  const std::string text = account::plain_ip(ip);
  char raw[16];
  if (::inet_pton(AF_INET, text.c_str(), raw) == 1) return "4" + std::string(raw, 4);
  if (::inet_pton(AF_INET6, text.c_str(), raw) == 1) return "6" + std::string(raw, bytes_of_v6);
  return {};
}

}  // namespace

std::string network_key(std::string_view ip) { return key_of(ip, 8); }
std::string address_key(std::string_view ip) { return key_of(ip, 16); }

uint64_t spread(std::string_view key) {
  uint64_t h = 0xcbf29ce484222325;  // FNV-1a, and a last mixing so that all bits are good
  for (char c : key) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return h ^ h >> 32;
}

}  // namespace dmail::privsep

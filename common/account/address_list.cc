#include "account/address_list.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "account/name_list.h"
#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::account {
namespace {

using Bytes = std::array<unsigned char, 16>;  // IPv4 as ::ffff:a.b.c.d
constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool is_v4(const Bytes& bytes) {
  return std::equal(kMapped.begin(), kMapped.begin() + 12, bytes.begin());
}

std::optional<Bytes> bytes_of(std::string_view text, bool& dotted) {
  const std::string zero_ended(text.substr(0, text.find('%')));
  Bytes bytes = kMapped;
  dotted = ::inet_pton(AF_INET, zero_ended.c_str(), bytes.data() + 12) == 1;
  if (dotted || ::inet_pton(AF_INET6, zero_ended.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

struct Network {
  Bytes bytes{};
  unsigned bits = 128;
};

// ADDRESS or ADDRESS/BITS.
std::optional<Network> network_of(std::string_view pattern) {
  const size_t slash = pattern.find('/');
  bool dotted = false;
  const auto bytes = bytes_of(pattern.substr(0, slash), dotted);
  if (!bytes) return std::nullopt;
  Network network{*bytes, 128};
  if (slash == std::string_view::npos) return network;
  const auto bits = parse_u32(pattern.substr(slash + 1), dotted ? 32 : 128);
  if (!bits) return std::nullopt;
  network.bits = dotted ? *bits + kMappedBits : *bits;
  return network;
}

bool holds(const Network& network, const Bytes& ip) {
  // ::/0 is all of IPv6, and nothing else.
  if (is_v4(ip) && !(is_v4(network.bytes) && network.bits >= kMappedBits)) return false;
  const unsigned whole = network.bits / 8, rest = network.bits % 8;
  if (!std::equal(ip.begin(), ip.begin() + whole, network.bytes.begin())) return false;
  return rest == 0 || (ip[whole] ^ network.bytes[whole]) >> (8 - rest) == 0;
}

std::string eight_groups(const Bytes& ip) {
  std::string out;
  for (size_t i = 0; i < ip.size(); i += 2) {
    std::string group;
    append_hex(group, static_cast<unsigned>(ip[i] << 8 | ip[i + 1]), 4);
    group.erase(0, std::min<size_t>(group.find_first_not_of('0'), 3));
    append(out, concat(i == 0 ? "" : ":", group));
  }
  return out;
}

// An address in the forms a pattern may mean.
class Address {
 public:
  explicit Address(std::string_view ip) : plain_(plain_ip(ip)) {
    bool dotted = false;
    bytes_ = bytes_of(plain_, dotted);
    if (bytes_ && !is_v4(*bytes_)) groups_ = eight_groups(*bytes_);
  }
  [[nodiscard]] bool matches(std::string_view pattern) const {
    if (const auto network = network_of(pattern)) return bytes_ && holds(*network, *bytes_);
    const std::string text = plain_ip(pattern);
    return wildcard_match(text, plain_, true) ||
           (!groups_.empty() && wildcard_match(text, groups_, true));
  }

 private:
  std::string plain_, groups_;
  std::optional<Bytes> bytes_;
};

}  // namespace

bool addresses_allow(const std::vector<std::string>& list, std::string_view ip) {
  const Address address(ip);
  return list_allows(list, [&](std::string_view pattern) { return address.matches(pattern); });
}

bool addresses_name(const std::vector<std::string>& list, std::string_view ip) {
  const Address address(ip);
  return list_names(list, [&](std::string_view pattern) { return address.matches(pattern); });
}

std::string plain_ip(std::string_view ip) {
  std::string text = lower(ip.substr(0, ip.find('%')));
  constexpr std::string_view kMappedText = "::ffff:";
  if (text.starts_with(kMappedText) && text.find('.') != std::string::npos)
    text.erase(0, kMappedText.size());
  return text;
}

bool same_ip(std::string_view a, std::string_view b) {
  bool dotted = false;
  const auto left = bytes_of(a, dotted), right = bytes_of(b, dotted);
  return left && right && *left == *right;
}

}  // namespace dmail::account

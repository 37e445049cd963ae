#include "privsep/address_key.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/text.h"

namespace dmail::privsep {

TEST_CASE("address key: IPv4 by address, IPv6 by /64 or by address") {
  CHECK(network_key("192.0.2.1") == std::string("4\xc0\x00\x02\x01", 5));
  CHECK(network_key("::ffff:192.0.2.1") == network_key("192.0.2.1"));
  CHECK(network_key("2001:db8::1") == network_key("2001:DB8::ffff:1"));
  CHECK(network_key("2001:db8::1") != network_key("2001:db8:0:1::1"));
  CHECK(address_key("2001:db8::1") != address_key("2001:db8::2"));
  CHECK(address_key("fe80::1%eth0") == address_key("fe80::1"));
  CHECK(address_key("192.0.2.1") == network_key("192.0.2.1"));
}

TEST_CASE("address key: what is no address has none") {
  for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "::g", "1.2.3.4 ", "/run/x"}) {
    CHECK(network_key(bad).empty());
    CHECK(address_key(bad).empty());
  }
}

TEST_CASE("address key: neighbours are spread over slots") {
  std::set<uint64_t> slots;
  for (int i = 0; i < 256; ++i) slots.insert(spread(network_key(concat("192.0.2.", i))) % 65536);
  CHECK(slots.size() > 240);
}

}  // namespace dmail::privsep

// Addresses against patterns: every way to write an address, networks, wildcards.
#include "account/address_list.h"

#include <catch2/catch.hpp>

namespace dmail::account {
namespace {

bool named(const char* pattern, const char* ip) { return addresses_name({pattern}, ip); }

}  // namespace

TEST_CASE("addresses: the same one, however it is written") {
  for (const char* pattern : {"2001:db8::1", "2001:DB8:0:0::1", "2001:0db8:0000::0001",
                              "2001:db8:0:0:0:0:0:1", "2001:db8::0.0.0.1"})
    for (const char* ip : {"2001:db8::1", "2001:DB8:0::1", "2001:db8::1%eth0"}) {
      INFO(pattern << " " << ip);
      CHECK(named(pattern, ip));
      CHECK_FALSE(addresses_allow({std::string("!") + pattern}, ip));
      CHECK(same_ip(pattern, ip));
    }
  for (const char* pattern : {"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201"})
    for (const char* ip : {"192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"}) {
      INFO(pattern << " " << ip);
      CHECK(named(pattern, ip));
    }
  CHECK_FALSE(named("2001:db8::1", "2001:db8::2"));
  CHECK_FALSE(named("192.0.2.1", "192.0.2.10"));
  CHECK_FALSE(named("::192.0.2.1", "192.0.2.1"));
  CHECK_FALSE(same_ip("", ""));
  CHECK_FALSE(same_ip("a", "a"));
}

TEST_CASE("addresses: networks") {
  CHECK(named("192.0.2.0/24", "192.0.2.255"));
  CHECK_FALSE(named("192.0.2.0/24", "192.0.3.0"));
  CHECK(named("192.0.2.77/28", "192.0.2.64"));
  CHECK_FALSE(named("192.0.2.77/28", "192.0.2.80"));
  CHECK(named("192.0.2.1/32", "192.0.2.1"));
  CHECK_FALSE(named("192.0.2.1/32", "192.0.2.0"));
  CHECK(named("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(named("0.0.0.0/0", "2001:db8::1"));
  CHECK(named("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK_FALSE(named("2001:db8::/32", "2001:db9::"));
  CHECK(named("2001:db8::/127", "2001:db8::1"));
  CHECK_FALSE(named("2001:db8::/127", "2001:db8::2"));
  CHECK(named("::/0", "fe80::1"));
  CHECK_FALSE(named("::/0", "192.0.2.1"));
  CHECK(named("::ffff:192.0.2.0/120", "192.0.2.9"));
  for (const char* none : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24x",
                           "192.0.2/24", "2001:db8::/129", "/24", "/", "::1/"}) {
    INFO(none);
    CHECK_FALSE(named(none, "192.0.2.0"));
    CHECK_FALSE(named(none, "::1"));
  }
}

TEST_CASE("addresses: text with wildcards") {
  CHECK(named("127.*", "127.0.0.1"));
  CHECK(named("::ffff:127.*", "127.0.0.1"));
  CHECK(named("192.168.1.?", "192.168.1.7"));
  CHECK_FALSE(named("192.168.1.?", "192.168.1.77"));
  CHECK(named("2001:DB8:*", "2001:db8::1"));
  // Zeros that are not written are there, too.
  CHECK(named("2001:db8:0:*", "2001:db8::1"));
  CHECK(named("2001:db8:0:0:*", "2001:db8:0:0:1::9"));
  CHECK_FALSE(named("2001:db8:0:*", "2001:db8:1::1"));
  CHECK(named("*", "2001:db8::1"));
  CHECK_FALSE(named("localhost", "127.0.0.1"));
}

TEST_CASE("addresses: lists are read as those of names") {
  const std::vector<std::string> list = {"!10.0.0.66, 10.0.0.0/8"};
  CHECK(addresses_name(list, "10.1.2.3"));
  CHECK_FALSE(addresses_name(list, "10.0.0.66"));
  CHECK(addresses_allow({}, "10.0.0.1"));
  CHECK_FALSE(addresses_name({}, "10.0.0.1"));
  CHECK(addresses_allow({"!10.0.0.0/8"}, "192.0.2.1"));
  CHECK_FALSE(addresses_name({"!10.0.0.0/8"}, "192.0.2.1"));
}

TEST_CASE("addresses: as they are told") {
  CHECK(plain_ip("FE80::1%eth0") == "fe80::1");
  CHECK(plain_ip("::ffff:1.2.3.4") == "1.2.3.4");
  CHECK(plain_ip("::ffff:102:304") == "::ffff:102:304");
}

}  // namespace dmail::account

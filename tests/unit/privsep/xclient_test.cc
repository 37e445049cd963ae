#include "privsep/xclient.h"

#include <catch2/catch.hpp>

#include "io/connection_over.h"

namespace dmail::privsep {
namespace {

log::Log quiet() { return log::Log::to_stderr("test", log::Level::Error); }

Endpoints ends() {
  Endpoints out;
  out.client_ip = out.peer_ip = "192.0.2.1";
  return out;
}

}  // namespace

TEST_CASE("xclient: attributes") {
  auto said = parse_xclient("ADDR=2001:DB8::9 PORT=4711 SESSION=a+2Bb TTL=1 NAME=x PROTO=LMTP");
  REQUIRE(said);
  CHECK(said->client == Forwarded{"2001:db8::9", "4711", "a+b"});
  CHECK(said->last_hop);
  said = parse_xclient("addr=IPV6:::ffff:192.0.2.9");
  REQUIRE(said);
  CHECK(said->client.client_ip == "192.0.2.9");
  said = parse_xclient("ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]");
  REQUIRE(said);
  CHECK(!said->says_client());
  // A port or a session that cannot be right is left out.
  said = parse_xclient("ADDR=192.0.2.9 PORT=70000 SESSION=a+20b");
  REQUIRE(said);
  CHECK(said->client == Forwarded{"192.0.2.9", "", ""});
  for (const char* bad : {"", "ADDR", "ADDR=", "=x", "ADDR=x", "ADDR=192.0.2.9+",
                          "ADDR=192.0.2.9+0", "ADDR=192.0.2.9+zz", "ADDR=192.0.2.999", "TTL"})
    CHECK(!parse_xclient(bad));
  std::string many;
  for (int i = 0; i < 31; ++i) many += " X=1";
  CHECK(!parse_xclient(many));
}

TEST_CASE("xclient: hops") {
  auto last = [](const char* text) { return parse_xclient(text)->last_hop; };
  CHECK(last("TTL=1"));
  CHECK(last("TTL=0"));
  CHECK(last("TTL=x"));
  CHECK(last("TTL=99999999999999999999"));
  CHECK(!last("TTL=2"));
  CHECK(!last("ADDR=192.0.2.9"));
}

TEST_CASE("xclient: the parameters of ID; what cannot be right is passed over") {
  CHECK(xclient_of_id({{"name", "mua"},
                       {"X-Originating-IP", "192.0.2.9"},
                       {"x-proxy-ttl", "1"},
                       {"x-originating-port", "99"},
                       {"x-session-id", "s"}}) == XClient{{"192.0.2.9", "99", "s"}, true});
  CHECK(xclient_of_id(
            {{"x-originating-ip", "x"}, {"x-session-id", "a b"}, {"x-originating-port", "-1"}}) ==
        XClient());
}

TEST_CASE("xclient: the monitor believes who is trusted, and addresses only") {
  conf::Settings settings;
  settings.trusted_proxies = {"192.0.2.1"};
  auto log = quiet();
  bool passed_on = false;
  Endpoints who = ends();
  take_forwarded(Frame(1, {"198.51.100.7", "4711", "s", "1"}), settings, log, who, passed_on);
  CHECK(who.client_ip == "198.51.100.7");
  CHECK(who.client_port == 4711);
  CHECK(who.peer_ip == "192.0.2.1");
  CHECK(passed_on);
  for (const auto& fields : std::vector<std::vector<std::string>>{{"x", "", "", "0"},
                                                                  {"::ffff:192.0.2.9", "", "", "0"},
                                                                  {"192.0.2.9", "x", "", "0"},
                                                                  {"192.0.2.9", "", "a b", "0"},
                                                                  {"192.0.2.9\n", "", "", "0"}})
    CHECK_THROWS_AS(take_forwarded(Frame(1, fields), settings, log, who, passed_on),
                    ConnectionOver);
  settings.trusted_proxies.clear();
  who = ends();
  CHECK_THROWS_AS(
      take_forwarded(Frame(1, {"198.51.100.7", "", "", "0"}), settings, log, who, passed_on),
      ConnectionOver);
  CHECK(who.client_ip == "192.0.2.1");
  // That it was passed on is believed of everybody.
  passed_on = false;
  take_forwarded(Frame(1, {"", "", "", "1"}), settings, log, who, passed_on);
  CHECK(passed_on);
}

}  // namespace dmail::privsep

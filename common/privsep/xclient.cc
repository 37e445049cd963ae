#include "privsep/xclient.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/connection_over.h"

namespace dmail::privsep {
namespace {

Error bad(const char* what) { return Error{ErrorKind::BadInput, what, ""}; }

std::optional<std::string> from_xtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+') {
      out += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? parse_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

bool is_port(std::string_view text) { return parse_u32(text, 65535).has_value(); }

// What is not a number counts as used up.
bool is_last_hop(std::string_view ttl) {
  const auto hops = parse_u32(ttl, 1000);
  return !hops || *hops <= 1;
}

}  // namespace

Result<XClient> parse_xclient(std::string_view attributes) {
  XClient out;
  const auto words = split_words(attributes);
  if (words.empty() || words.size() > kMaxXClientAttributes) return bad("Attributes are missing");
  for (std::string_view rest : words) {
    const std::string_view name = take_until(rest, '=');
    const auto value = from_xtext(rest);
    if (name.empty() || rest.empty() || !value) return bad("Attributes must be NAME=VALUE");
    if (iequals(*value, "[UNAVAILABLE]") || iequals(*value, "[TEMPUNAVAIL]")) continue;
    if (iequals(name, "ADDR")) {
      const auto address =
          plain_address(std::string_view(*value).substr(istarts_with(*value, "IPV6:") ? 5 : 0));
      if (!address) return bad("ADDR is no address");
      out.client.client_ip = *address;
    } else if (iequals(name, "PORT") && is_port(*value)) {
      out.client.client_port = *value;
    } else if (iequals(name, "SESSION") && is_session_id(*value)) {
      out.client.session_id = *value;
    } else if (iequals(name, "TTL")) {
      out.last_hop = is_last_hop(*value);
    }
  }
  return out;
}

XClient xclient_of_id(const std::vector<std::pair<std::string, std::string>>& pairs) {
  XClient out;
  for (const auto& [name, value] : pairs) {
    if (iequals(name, "x-originating-ip")) {
      if (const auto address = plain_address(value)) out.client.client_ip = *address;
    } else if (iequals(name, "x-originating-port") && is_port(value)) {
      out.client.client_port = value;
    } else if (iequals(name, "x-session-id") && is_session_id(value)) {
      out.client.session_id = value;
    } else if (iequals(name, "x-proxy-ttl")) {
      out.last_hop = is_last_hop(value);
    }
  }
  return out;
}

Frame forwarded_frame(uint8_t type, const XClient& xclient) {
  const Forwarded& client = xclient.client;
  return Frame(type, {client.client_ip, client.client_port, client.session_id,
                      xclient.last_hop ? "1" : "0"});
}

void take_forwarded(const Frame& frame, const conf::Settings& settings, log::Log& log,
                    Endpoints& ends, bool& passed_on) {
  auto broken = [](const char* what) {
    throw ConnectionOver(ConnectionOver::Why::ProtocolBroken, what);
  };
  const std::string& ip = frame.fields[0];
  const std::string& port = frame.fields[1];
  const std::string& session = frame.fields[2];
  if (frame.fields[3] == "1") passed_on = true;
  if (ip.empty() && port.empty() && session.empty()) return;
  if (!is_trusted_proxy(settings, ends.peer_ip))
    broken("a client's address from who is not trusted");
  if ((!ip.empty() && plain_address(ip) != ip) || (!port.empty() && !is_port(port)) ||
      (!session.empty() && !is_session_id(session)))
    broken("a client's address that is none");
  if (!ip.empty()) ends.client_ip = ip;
  if (const auto number = parse_u32(port, 65535)) ends.client_port = static_cast<uint16_t>(*number);
  log.info("forwarded", {{"ip", ends.client_ip}, {"proxy", ends.peer_ip}, {"session", session}});
}

}  // namespace dmail::privsep

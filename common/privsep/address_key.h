// An address as a key of tables: what counts as "the same client".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dmail::privsep {

// IPv4 by address ('4' and four bytes), IPv6 by its first 64 bits ('6' and eight), because whoever
// has one address there has the whole /64.  Empty when `ip` is no address (a pipe, a Unix socket).
std::string network_key(std::string_view ip);
// Likewise, but IPv6 by the whole address.
std::string address_key(std::string_view ip);

// Spreads keys over the slots of a file.  No secret: who finds two addresses that meet gains
// nothing.
uint64_t spread(std::string_view key);

}  // namespace dmail::privsep

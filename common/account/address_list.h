// Lists of addresses as dmail.conf and the label ip have them (user_ip_address, trusted_proxies
// ...). They are read as lists of names are (name_list.h); a pattern is one of
//   192.0.2.1        2001:DB8:0::1       an address, however it is written
//   192.0.2.0/24     2001:db8::/32       a network
//   192.0.2.*        2001:db8:0:*        text with wildcards; an IPv6 address is compared as it is
//                                        usually written and with all its eight groups
// An IPv4 address in IPv6 form (::ffff:192.0.2.1) is the IPv4 address, on either side.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmail::account {

// list_allows and list_names for an address.
bool addresses_allow(const std::vector<std::string>& list, std::string_view ip);
bool addresses_name(const std::vector<std::string>& list, std::string_view ip);

// The text form in which addresses are told: `::ffff:1.2.3.4` becomes `1.2.3.4`, letters become
// small, a zone (`%eth0`) is dropped.
std::string plain_ip(std::string_view ip);
// Whether both are addresses, and the same one.
bool same_ip(std::string_view a, std::string_view b);

}  // namespace dmail::account

// Base64 (RFC 4648 section 4) for protocol use: strict, padded, no white space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dmail {

std::string base64_encode(std::string_view bytes);
// nullopt on any byte outside the alphabet, wrong padding, or non-zero spare bits.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace dmail

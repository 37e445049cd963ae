// Random bytes and keyed hashes, from OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace dmail::modules {

std::string hmac_sha256(std::string_view key, std::string_view bytes);
std::string random_bytes(size_t count);  // aborts when there are none: nothing here is safe without

}  // namespace dmail::modules

// One well-formed UTF-8 sequence at a time (RFC 3629).
#pragma once

#include <string_view>

namespace dmail::mail {

// The well-formed sequence at the front of `s`; empty when there is none (or `s` is empty).
std::string_view utf8_sequence(std::string_view s);
// The character of such a sequence.
char32_t utf8_character(std::string_view sequence);

}  // namespace dmail::mail

// File names of accounts: encoding of awkward names, and the directories of hash_spool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::account {

// `name` as a file name that any two different names never share: bytes of `invalid_chars`, `/`,
// `%`, control bytes and a leading `.` become %XX (capital hexadecimal), and so does the dot of a
// final .mbx .mdir .lock .tmp, because NAME.mbx and NAME.lock belong to the user NAME.  BadInput
// when the result has over kMaxFileName bytes or `name` is empty.
Result<std::string> encoded_name(std::string_view name, std::string_view invalid_chars);
// The name as it is, for old_naming: BadInput where encoded_name would have to encode.
Result<std::string> plain_file_name(std::string_view name);
// The name that was encoded; bytes that are no %XX stay.
std::string decoded_name(std::string_view file_name);

// The setting invalid_chars as bytes: a quoted string with backslash escapes, or the text as it is.
std::string invalid_bytes(std::string_view setting);

// The directories of hash_spool `method` for a user's name (without prefix, not encoded), outermost
// first.  0: none.  1: one letter, `a` plus the sum of the first five bytes (of the lower-case
// name) modulo 26, so that `test` lies in `g`.  2: first and second character in lower case; a
// one-character name repeats it; a character that cannot be a directory name is encoded as in
// encoded_name. `old_naming` (imapd_enable_new_hashing false) leaves such characters as they are,
// so that `a.b` gets the directories `a` and `.`, which is `a` alone.
std::vector<std::string> hash_directories(std::string_view user, int method,
                                          bool old_naming = false);

}  // namespace dmail::account

// Every limit of the IMAP session in one place; each has a test in tests/unit/imapd/limits_test.cc
// or a transcript.  What is over a limit gets a tagged BAD or NO, and the connection stays in step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dmail::imapd {

inline constexpr size_t kMaxLine = 64 * 1024;  // octets of one command outside literals
inline constexpr size_t kMaxLiterals =
    1024 * 1024;  // octets of all literals of one command, APPEND's message apart
inline constexpr size_t kMaxLiteralCount = 1000;  // literals of one command
inline constexpr uint64_t kMaxDiscard = uint64_t{1}
                                        << 30;  // refused octets we read past to stay in step
inline constexpr size_t kMaxTag = 255;
inline constexpr size_t kMaxNesting = 50;         // parentheses, and NOT or OR of a search
inline constexpr size_t kMaxSearchKeys = 5000;    // of one SEARCH
inline constexpr size_t kMaxSearchString = 1024;  // octets of one string to search for
inline constexpr size_t kMaxFetchItems = 200;     // of one FETCH
inline constexpr size_t kMaxHeaderNames = 500;    // of one HEADER.FIELDS
inline constexpr size_t kMaxSectionDepth = 100;   // numbers of one BODY[1.2.3]
inline constexpr size_t kMaxFlags = 100;          // of one STORE or APPEND
inline constexpr size_t kMaxStatusItems = 50;
inline constexpr size_t kMaxIdPairs = 30;           // RFC 2971 section 3.3
inline constexpr size_t kMaxPattern = 1000;         // octets of a LIST pattern
inline constexpr size_t kMaxAppendMessages = 1000;  // of one APPEND (RFC 3502)
inline constexpr int kMaxBadCommands = 20;          // in a row, then BYE
inline constexpr int kStuckMs = 300 * 1000;         // a peer that doesn't read
inline constexpr int kQuietMs = 50;                 // without input, then buffers are given back

}  // namespace dmail::imapd

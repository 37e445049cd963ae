// What a module's answer to `secret USER MECHANISM` says: the keys of a user, in labels.
//
//   scram-sha-1="ITERATIONS,SALT,STOREDKEY,SERVERKEY"     base64 after the number (RFC 5802)
//   scram-sha-256="..."                                   likewise (RFC 7677)
//   digest-md5="HEX"        MD5 of user:realm:password, user as in the answer (RFC 2831)
//   password64="BASE64"     the password itself
//
// The monitor only passes them on to dmsasl (it parses no more than reply.h does); dmsasl decodes.
// In an answer to check or lookup these labels are dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dmail::auth {

inline constexpr uint32_t kMinIterations = 1000;  // fewer are no protection, and a fault
inline constexpr uint32_t kMaxIterations = 1'000'000;
inline constexpr size_t kMaxSalt = 256;  // bytes

using Labels = std::vector<std::pair<std::string, std::string>>;

struct ScramKeys {
  uint32_t iterations = 0;
  std::string salt, stored_key, server_key;  // bytes
};

struct Secrets {
  std::optional<ScramKeys> scram_sha_1, scram_sha_256;
  std::optional<std::string> digest_md5;  // 32 hexadecimal digits, lower case
  std::optional<std::string> password;    // 1 to kMaxPassword bytes, no NUL
  Secrets() = default;
  Secrets(Secrets&&) = default;
  Secrets& operator=(Secrets&&) = default;
  ~Secrets();  // wipes all
};

bool is_secret_label(std::string_view name);  // lower case
// A mechanism's name as it can be sent: 1 to 20 of A-Z, 0-9, `-`, `_`.
bool valid_mechanism(std::string_view name);
// BadInput when a label of these is malformed or stands twice; others are passed over.
Result<Secrets> secrets_of(const Labels& labels);
// Overwrites the values and clears the list.
void wipe_labels(Labels& labels);

}  // namespace dmail::auth

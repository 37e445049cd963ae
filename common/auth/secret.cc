#include "auth/secret.h"

#include "auth/authenticator.h"
#include "base/ascii.h"
#include "base/base64.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::auth {
namespace {

constexpr size_t kSha1Size = 20, kSha256Size = 32;

bool take_base64(std::string_view text, size_t low, size_t high, std::string& out) {
  auto bytes = base64_decode(text);
  if (!bytes || bytes->size() < low || bytes->size() > high) return false;
  out = std::move(*bytes);
  return true;
}

bool take_scram(std::string_view value, size_t key_size, std::optional<ScramKeys>& out) {
  const std::vector<std::string_view> parts = split(value, ',');
  if (out || parts.size() != 4) return false;
  const auto iterations = parse_u32(parts[0], kMaxIterations);
  if (!iterations || *iterations < kMinIterations) return false;
  ScramKeys& keys = out.emplace();
  keys.iterations = *iterations;
  return take_base64(parts[1], 1, kMaxSalt, keys.salt) &&
         take_base64(parts[2], key_size, key_size, keys.stored_key) &&
         take_base64(parts[3], key_size, key_size, keys.server_key);
}

bool take_digest(std::string_view value, std::optional<std::string>& out) {
  if (out || value.size() != 32) return false;
  for (char c : value)
    if (hex_value(c) < 0) return false;
  out = lower(value);
  return true;
}

bool take_password(std::string_view value, std::optional<std::string>& out) {
  if (out || !take_base64(value, 1, kMaxPassword, out.emplace())) return false;
  return out->find('\0') == std::string::npos;
}

}  // namespace

Secrets::~Secrets() {
  for (auto* keys : {&scram_sha_1, &scram_sha_256}) {
    if (!*keys) continue;
    wipe((*keys)->stored_key);
    wipe((*keys)->server_key);
  }
  if (digest_md5) wipe(*digest_md5);
  if (password) wipe(*password);
}

bool is_secret_label(std::string_view name) {
  return name == "scram-sha-1" || name == "scram-sha-256" || name == "digest-md5" ||
         name == "password64";
}

bool valid_mechanism(std::string_view name) {
  if (name.empty() || name.size() > 20) return false;
  for (char c : name)
    if (!is_upper(c) && !is_digit(c) && c != '-' && c != '_') return false;
  return true;
}

Result<Secrets> secrets_of(const Labels& labels) {
  Secrets secrets;
  for (const auto& [name, value] : labels) {
    bool good = true;
    if (name == "scram-sha-1") good = take_scram(value, kSha1Size, secrets.scram_sha_1);
    if (name == "scram-sha-256") good = take_scram(value, kSha256Size, secrets.scram_sha_256);
    if (name == "digest-md5") good = take_digest(value, secrets.digest_md5);
    if (name == "password64") good = take_password(value, secrets.password);
    if (!good)
      return Error{ErrorKind::BadInput, "", concat("module's label ", name, " is malformed")};
  }
  return secrets;
}

void wipe_labels(Labels& labels) {
  for (auto& [name, value] : labels) wipe(value);
  labels.clear();
}

}  // namespace dmail::auth

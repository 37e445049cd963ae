#include "tools/nwauth/secret.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <stringprep.h>

#include <cstdlib>
#include <memory>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/text.h"
#include "base/wipe.h"
#include "tools/modules/keyed.h"

namespace dmail::nwauth {
namespace {

const char* prefix_of(HashKind kind) { return kind == HashKind::Yescrypt ? "$y$" : "$6$"; }

// Settings of the cost that crypt_gensalt gives new hashes.
const char* setting_of_nobody(HashKind kind) {
  return kind == HashKind::Yescrypt ? "$y$j9T$dmaildmaildmaildmail00$" : "$6$dmaildmaildmail0$";
}

// crypt(3) without leaving the password behind; empty when it fails.
std::string crypted(std::string_view password, const char* setting) {
  std::string phrase(password);
  auto work = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(phrase.c_str(), setting, work.get());
  std::string hash = made != nullptr && made[0] != '*' ? made : "";
  wipe(phrase);
  ::explicit_bzero(work.get(), sizeof *work);
  return hash;
}

std::string digest(const EVP_MD* md, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, md, nullptr) != 1) std::abort();
  return {reinterpret_cast<char*>(out), size};
}

std::string hmac(const EVP_MD* md, std::string_view key, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (HMAC(md, key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out,
           &size) == nullptr)
    std::abort();
  return {reinterpret_cast<char*>(out), size};
}

// SASLprep; empty when it forbids the password.  It changes no printable ASCII.
std::string prepared(std::string_view password) {
  bool plain = true;
  for (char c : password) plain &= is_graph(c) || c == ' ';
  if (plain) return std::string(password);
  std::string phrase(password);
  char* made = nullptr;
  const int code =
      ::stringprep_profile(phrase.c_str(), &made, "SASLprep", STRINGPREP_NO_UNASSIGNED);
  std::string out(code == STRINGPREP_OK && made != nullptr ? made : "");
  wipe(phrase);
  if (made != nullptr) ::explicit_bzero(made, ::strlen(made));
  ::free(made);
  return out;
}

// UTF-8 to ISO 8859-1 where it has all the characters; else as it is.
std::string latin1_of(std::string_view utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      out += utf8[i];
      continue;
    }
    const bool two = (c == 0xc2 || c == 0xc3) && i + 1 < utf8.size() &&
                     (static_cast<unsigned char>(utf8[i + 1]) & 0xc0) == 0x80;
    if (!two) return std::string(utf8);
    out += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3f));
  }
  return out;
}

}  // namespace

Result<std::string> new_hash(std::string_view password, HashKind kind) {
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn(prefix_of(kind), 0, nullptr, 0, salt, sizeof salt) == nullptr)
    return Error{ErrorKind::Io, "Internal error", "crypt_gensalt failed"};
  std::string hash = crypted(password, salt);
  if (hash.empty()) return Error{ErrorKind::Io, "Internal error", "crypt failed"};
  return hash;
}

bool fits(std::string_view password, const std::string& hash) {
  if (hash.size() < 12 || password.empty()) return false;
  const std::string made = crypted(password, hash.c_str());
  return made.size() == hash.size() && CRYPTO_memcmp(made.data(), hash.data(), made.size()) == 0;
}

void waste_time(std::string_view password, HashKind kind) {
  (void)crypted(password, setting_of_nobody(kind));
}

// RFC 5802 section 3.
Result<std::string> scram_line(std::string_view name, std::string_view password,
                               std::string_view salt, int iterations) {
  const EVP_MD* md = name == "scram-sha-1" ? EVP_sha1() : EVP_sha256();
  std::string salted(static_cast<size_t>(EVP_MD_get_size(md)), '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()),
                        static_cast<int>(salt.size()), iterations, md,
                        static_cast<int>(salted.size()),
                        reinterpret_cast<unsigned char*>(salted.data())) != 1)
    return Error{ErrorKind::Io, "Internal error", "PBKDF2 failed"};
  const std::string stored = digest(md, hmac(md, salted, "Client Key"));
  const std::string server = hmac(md, salted, "Server Key");
  wipe(salted);
  return concat(name, ' ', iterations, ' ', base64_encode(salt), ' ', base64_encode(stored), ' ',
                base64_encode(server));
}

Result<std::vector<std::string>> scram_keys(std::string_view given, int iterations) {
  std::vector<std::string> lines;
  std::string password = prepared(given);
  if (password.empty()) return lines;
  for (std::string_view name : {"scram-sha-1", "scram-sha-256"}) {
    Result<std::string> line = scram_line(name, password, modules::random_bytes(16), iterations);
    if (!line) return std::move(line.error());
    lines.push_back(std::move(*line));
  }
  wipe(password);
  return lines;
}

std::string digest_md5(std::string_view user, std::string_view realm, std::string_view password) {
  std::string bytes = concat(latin1_of(user), ':', latin1_of(realm), ':', latin1_of(password));
  std::string out;
  for (char c : digest(EVP_md5(), bytes)) append_hex(out, static_cast<unsigned char>(c), 2);
  wipe(bytes);
  return out;
}

}  // namespace dmail::nwauth

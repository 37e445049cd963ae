#include "tools/dmsasl/decoy.h"

#include <gsasl.h>

#include <cassert>
#include <cstdlib>

#include "base/text.h"
#include "base/wipe.h"

namespace dmail::dmsasl {

// PBKDF2 with one iteration: HMAC-SHA-256 under the key, and at hand in GNU SASL.
std::string decoy_bytes(std::string_view key, std::string_view purpose, std::string_view account,
                        size_t size) {
  std::string out(GSASL_HASH_SHA256_SIZE, '\0');
  assert(size <= out.size());
  std::string phrase;  // the function takes a C string
  for (char c : key) append_hex(phrase, static_cast<unsigned char>(c), 2);
  const std::string salt = concat(purpose, ':', account);
  char unused[3][GSASL_HASH_MAX_SIZE];
  if (gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, phrase.c_str(), 1, salt.data(),
                                        salt.size(), out.data(), unused[0], unused[1],
                                        unused[2]) != GSASL_OK)
    std::abort();  // out of memory
  wipe(phrase);
  out.resize(size);
  return out;
}

}  // namespace dmail::dmsasl

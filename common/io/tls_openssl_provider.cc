// OpenSSL's default provider, cut down to what TLS as spoken here can use.
//
// Looking for one algorithm makes the library build a record of every algorithm of its kind, and
// for a certificate and key these are several hundred: half of the time of a handshake and a good
// part of the memory of an idle connection.  The provider here is the default one (the very same
// code, started by the library) that keeps the others to itself.  It needs the start of the default
// provider by name, which only the static library has: linked otherwise, nothing changes.
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>

#include <cstring>
#include <iterator>
#include <string_view>

#include "io/tls_openssl.h"

extern "C" OSSL_provider_init_fn ossl_default_provider_init __attribute__((weak));

namespace dmail::openssl {
namespace {

constexpr std::string_view kDigests[] = {"SHA1",     "SHA2-224", "SHA2-256",
                                         "SHA2-384", "SHA2-512", "SHAKE-256"};
constexpr std::string_view kCiphers[] = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305",
                                         "AES-128-CCM", "AES-256-CCM", "AES-128-CBC",
                                         "AES-256-CBC", "AES-256-CTR", "AES-256-ECB"};
constexpr std::string_view kMacs[] = {"HMAC"};
constexpr std::string_view kKdfs[] = {"HKDF", "TLS13-KDF", "TLS1-PRF"};
constexpr std::string_view kRandoms[] = {"CTR-DRBG", "SEED-SRC"};
// HMAC is a key and a signature, too: of a ticket's binder (RFC 8446 4.2.11.2).
constexpr std::string_view kKeys[] = {"RSA",  "RSA-PSS", "EC",    "X25519",
                                      "X448", "ED25519", "ED448", "HMAC"};
constexpr std::string_view kExchanges[] = {"ECDH", "X25519", "X448"};
constexpr std::string_view kSignatures[] = {"RSA", "ECDSA", "ED25519", "ED448", "HMAC"};
constexpr std::string_view kAsymmetric[] = {"RSA"};
constexpr std::string_view kDecoders[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DER"};

struct Kind {
  int operation;
  const std::string_view* names;
  size_t count;
};
template <size_t N>
constexpr Kind kind(int operation, const std::string_view (&names)[N]) {
  return {operation, names, N};
}
// Kinds that are not here have nothing: encoders, stores, encapsulation.
constexpr Kind kKinds[] = {kind(OSSL_OP_DIGEST, kDigests),
                           kind(OSSL_OP_CIPHER, kCiphers),
                           kind(OSSL_OP_MAC, kMacs),
                           kind(OSSL_OP_KDF, kKdfs),
                           kind(OSSL_OP_RAND, kRandoms),
                           kind(OSSL_OP_KEYMGMT, kKeys),
                           kind(OSSL_OP_KEYEXCH, kExchanges),
                           kind(OSSL_OP_SIGNATURE, kSignatures),
                           kind(OSSL_OP_ASYM_CIPHER, kAsymmetric),
                           kind(OSSL_OP_DECODER, kDecoders)};

constexpr size_t kMaxAlgorithms = 48;  // of one kind
OSSL_ALGORITHM chosen[std::size(kKinds)][kMaxAlgorithms];
OSSL_FUNC_provider_query_operation_fn* query_all = nullptr;

bool is_wanted(const Kind& kind, const OSSL_ALGORITHM& algorithm) {
  const std::string_view names = algorithm.algorithm_names;
  const std::string_view first = names.substr(0, names.find(':'));
  for (size_t i = 0; i < kind.count; ++i)
    if (first == kind.names[i])
      // Of the decoders only those of PEM files and certificates.
      return kind.operation != OSSL_OP_DECODER ||
             (std::strstr(algorithm.property_definition, "msblob") == nullptr &&
              std::strstr(algorithm.property_definition, "pvk") == nullptr);
  return false;
}

const OSSL_ALGORITHM* query(void* provider, int operation, int* no_cache) {
  const OSSL_ALGORITHM* all = query_all(provider, operation, no_cache);
  if (all == nullptr) return nullptr;
  for (size_t k = 0; k < std::size(kKinds); ++k) {
    if (kKinds[k].operation != operation) continue;
    OSSL_ALGORITHM* out = chosen[k];
    if (out->algorithm_names != nullptr) return out;
    for (; all->algorithm_names != nullptr && out < chosen[k] + kMaxAlgorithms - 1; ++all)
      if (is_wanted(kKinds[k], *all)) *out++ = *all;
    return chosen[k];
  }
  return nullptr;
}

int start(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core, const OSSL_DISPATCH** out,
          void** context) {
  constexpr size_t kMaxFunctions = 16;
  static OSSL_DISPATCH functions[kMaxFunctions];
  const OSSL_DISPATCH* theirs = nullptr;
  if (ossl_default_provider_init(handle, core, &theirs, context) != 1) return 0;
  size_t n = 0;
  for (; theirs[n].function_id != 0; ++n) {
    if (n == kMaxFunctions - 1) return 0;
    functions[n] = theirs[n];
    if (theirs[n].function_id != OSSL_FUNC_PROVIDER_QUERY_OPERATION) continue;
    query_all = OSSL_FUNC_provider_query_operation(&theirs[n]);
    functions[n].function = reinterpret_cast<void (*)()>(query);
  }
  *out = functions;
  return 1;
}

}  // namespace

void use_small_provider() {
  if (ossl_default_provider_init == nullptr) return;
  // Once, and for as long as the process lives.  Without success nothing is loaded, and the library
  // takes its own default.
  static const OSSL_PROVIDER* const loaded = OSSL_PROVIDER_add_builtin(nullptr, "dmail", start) == 1
                                                 ? OSSL_PROVIDER_load(nullptr, "dmail")
                                                 : nullptr;
  (void)loaded;
}

}  // namespace dmail::openssl

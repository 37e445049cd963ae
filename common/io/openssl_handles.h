// Owners of OpenSSL's objects, and PEM texts as certificates.  Only for what is linked with
// libcrypto.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>
#include <vector>

namespace dmail::openssl {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using Chain = std::unique_ptr<STACK_OF(X509), FreeChain>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

inline constexpr int kMaxCertificates = 20;  // of one file

// Never asks for a passphrase.
inline int no_passphrase(char*, int, int, void*) { return -1; }

inline Bio bio_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// All certificates of a PEM text, in its order.
inline std::vector<Certificate> certificates_of(std::string_view pem) {
  std::vector<Certificate> out;
  const Bio bio = bio_of(pem);
  for (int i = 0; i < kMaxCertificates; ++i) {
    Certificate one(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!one) break;
    out.push_back(std::move(one));
  }
  ERR_clear_error();  // "no more" is how the text ends
  return out;
}

}  // namespace dmail::openssl

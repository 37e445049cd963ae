#include "tools/dmtry/certificate.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/text.h"
#include "io/file.h"

namespace dmail::dmtry {
namespace {

template <typename T, void (*release)(T*)>
struct Freed {
  void operator()(T* p) const { release(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

bool add_extension(X509* cert, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (e == nullptr) return false;
  const bool added = X509_add_ext(cert, e, -1) == 1;
  X509_EXTENSION_free(e);
  return added;
}

bool fill(X509* cert, EVP_PKEY* key, const std::string& domain) {
  unsigned char serial[8];
  if (RAND_bytes(serial, sizeof serial) != 1) return false;
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
  BN_free(number);
  X509_set_version(cert, 2);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 90L * 86400);
  X509_set_pubkey(cert, key);
  X509_NAME* name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(cert, name);
  return add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
         add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign,keyAgreement") &&
         add_extension(cert, NID_ext_key_usage, "serverAuth") &&
         add_extension(cert, NID_subject_key_identifier, "hash") &&
         add_extension(cert, NID_subject_alt_name,
                       concat("DNS:localhost,DNS:", domain, ",IP:127.0.0.1,IP:::1")) &&
         X509_sign(cert, key, EVP_sha256()) > 0;
}

std::string pem_of(BIO* bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(n));
  BIO_free(bio);
  return text;
}

}  // namespace

Status write_certificate(const std::string& certificate, const std::string& key_file,
                         const std::string& domain) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate cert(X509_new());
  if (!key || !cert || !fill(cert.get(), key.get(), domain))
    return Error{ErrorKind::Io, "no certificate could be made", "OpenSSL refused"};
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  DMAIL_TRY(replace_file(key_file, pem_of(bio), 0600));
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, cert.get());
  return replace_file(certificate, pem_of(bio), 0644);
}

}  // namespace dmail::dmtry

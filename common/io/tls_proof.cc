#include "io/tls_proof.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "io/openssl_handles.h"
#include "io/tls_transcript.h"

namespace dmail {
namespace {

using namespace openssl;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreUse = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

constexpr size_t kMaxName = 255;

Error refuse(std::string_view why) {
  ERR_clear_error();
  return Error{ErrorKind::NoPermission, "Certificate refused", std::string(why)};
}

const unsigned char* bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

Certificate certificate_of(std::string_view der) {
  const unsigned char* at = bytes(der);
  Certificate out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (at != bytes(der) + der.size()) out.reset();
  return out;
}

// ---- is it a handshake of ours, for this connection?

bool is_ours(std::string_view der, std::string_view pem) {
  const Certificate named = certificate_of(der);
  if (!named) return false;
  const std::vector<Certificate> all = certificates_of(pem);
  for (size_t i = 0; i < all.size(); ++i)
    // A later one may be the leaf of another kind, or an authority of the chain.
    if ((i == 0 || X509_check_ca(all[i].get()) == 0) && X509_cmp(all[i].get(), named.get()) == 0)
      return true;
  return false;
}

// TLS 1.2's suites with keys agreed on by ECDHE or DHE and signed for by the certificate: in the
// others the client goes on to CertificateVerify with anybody who has only seen our certificate.
bool is_ephemeral(uint16_t suite) {
  constexpr uint16_t kSuites[] = {
      0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xccaa, 0x009e, 0x009f,  // GCM, ChaCha20
      0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc09e, 0xc09f,                          // CCM
      0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028,          // CBC
      0x0033, 0x0039, 0x0067, 0x006b};
  return std::find(std::begin(kSuites), std::end(kSuites), suite) != std::end(kSuites);
}

Status check_handshake(const TlsTranscript& handshake, const ProofCheck& check) {
  if (!is_ours(handshake.server_certificate, check.certificate_pem))
    return refuse("the handshake is with another server certificate");
  const std::string name = stamp_name(check.stamp);
  if (check.stamp.empty() || std::find(handshake.authorities.begin(), handshake.authorities.end(),
                                       name) == handshake.authorities.end())
    return refuse("the handshake is of another connection");
  if (!handshake.tls13 && !is_ephemeral(handshake.suite))
    return refuse("TLS 1.2 without ephemeral keys");
  return {};
}

// ---- is the certificate good?

// Every authority of the chain but the last needs a list; of that one the file itself says that it
// is good, and its own list (or that of one above it) counts only where it is there.
int accept_without_list_of_last(int good, X509_STORE_CTX* use) {
  if (good == 1 || X509_STORE_CTX_get_error(use) != X509_V_ERR_UNABLE_TO_GET_CRL) return good;
  if (X509_STORE_CTX_get_error_depth(use) == 0 ||
      X509_STORE_CTX_get_error_depth(use) + 1 != sk_X509_num(X509_STORE_CTX_get0_chain(use)))
    return 0;
  X509_STORE_CTX_set_error(use, X509_V_OK);
  return 1;
}

// Of the authorities in the file those that none of the others has signed: chains end there, so
// that those below are looked up in the lists of those above.  All, where they go round in a
// circle.
std::vector<X509*> top_authorities(const STACK_OF(X509_INFO) * infos) {
  std::vector<X509*> all, tops;
  for (int i = 0; i < sk_X509_INFO_num(infos); ++i)
    if (X509* one = sk_X509_INFO_value(infos, i)->x509; one != nullptr) all.push_back(one);
  for (X509* one : all) {
    const bool signed_by_other = std::any_of(all.begin(), all.end(), [&](X509* other) {
      return X509_cmp(other, one) != 0 && X509_check_issued(other, one) == X509_V_OK;
    });
    if (!signed_by_other || X509_check_issued(one, one) == X509_V_OK) tops.push_back(one);
  }
  return tops.empty() ? all : tops;
}

Status check_chain(const std::vector<Certificate>& chain, const ProofCheck& check) {
  const Store store(X509_STORE_new());
  const Bio bio = bio_of(check.client_ca_pem);
  STACK_OF(X509_INFO)* infos = PEM_X509_INFO_read_bio(bio.get(), nullptr, no_passphrase, nullptr);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;  // an authority in the middle may be the end
  int authorities = 0;
  for (int i = 0; i < sk_X509_INFO_num(infos); ++i) {
    const X509_INFO* info = sk_X509_INFO_value(infos, i);
    if (info->crl != nullptr && X509_STORE_add_crl(store.get(), info->crl) == 1)
      flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  }
  for (X509* top : top_authorities(infos))
    if (X509_STORE_add_cert(store.get(), top) == 1) ++authorities;
  STACK_OF(X509)* others = sk_X509_new_null();
  for (int i = 0; i < sk_X509_INFO_num(infos); ++i)
    if (X509* one = sk_X509_INFO_value(infos, i)->x509; one != nullptr) sk_X509_push(others, one);
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(others, chain[i].get());
  const StoreUse use(X509_STORE_CTX_new());
  X509_STORE_CTX_init(use.get(), store.get(), chain[0].get(), others);
  X509_VERIFY_PARAM* how = X509_STORE_CTX_get0_param(use.get());
  X509_VERIFY_PARAM_set_purpose(how, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_flags(how, flags);
  X509_VERIFY_PARAM_set_auth_level(how, 2);
  X509_VERIFY_PARAM_set_time(how, check.now);
  X509_STORE_CTX_set_verify_cb(use.get(), accept_without_list_of_last);
  const bool good = X509_verify_cert(use.get()) == 1;
  const int why = X509_STORE_CTX_get_error(use.get());
  sk_X509_free(others);
  sk_X509_INFO_pop_free(infos, X509_INFO_free);
  if (authorities == 0) return refuse("no certificate in tls_client_ca");
  if (!good) return refuse(concat("client certificate: ", X509_verify_cert_error_string(why)));
  return {};
}

// ---- is the signature right?

struct Scheme {
  uint16_t code;
  int key_type;
  const EVP_MD* (*digest)();
  bool pss;
  bool only12;
};

const Scheme* scheme_of(uint16_t code) {
  static constexpr Scheme kSchemes[] = {
      {0x0403, EVP_PKEY_EC, EVP_sha256, false, false},
      {0x0503, EVP_PKEY_EC, EVP_sha384, false, false},
      {0x0603, EVP_PKEY_EC, EVP_sha512, false, false},
      {0x0804, EVP_PKEY_RSA, EVP_sha256, true, false},
      {0x0805, EVP_PKEY_RSA, EVP_sha384, true, false},
      {0x0806, EVP_PKEY_RSA, EVP_sha512, true, false},
      {0x0809, EVP_PKEY_RSA_PSS, EVP_sha256, true, false},
      {0x080a, EVP_PKEY_RSA_PSS, EVP_sha384, true, false},
      {0x080b, EVP_PKEY_RSA_PSS, EVP_sha512, true, false},
      {0x0807, EVP_PKEY_ED25519, EVP_md_null, false, false},
      {0x0808, EVP_PKEY_ED448, EVP_md_null, false, false},
      {0x0401, EVP_PKEY_RSA, EVP_sha256, false, true},
      {0x0501, EVP_PKEY_RSA, EVP_sha384, false, true},
      {0x0601, EVP_PKEY_RSA, EVP_sha512, false, true},
  };
  for (const Scheme& scheme : kSchemes)
    if (scheme.code == code) return &scheme;
  return nullptr;
}

std::string digest_of(const EVP_MD* kind, std::string_view first, std::string_view second = {}) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const Digest digest(EVP_MD_CTX_new());
  const bool done =
      EVP_DigestInit_ex(digest.get(), kind, nullptr) == 1 &&
      EVP_DigestUpdate(digest.get(), first.data(), first.size()) == 1 &&
      EVP_DigestUpdate(digest.get(), second.data(), second.size()) == 1 &&
      EVP_DigestFinal_ex(digest.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1;
  out.resize(done ? size : 0);
  return out;
}

// What the signature covers.  Empty when the suite is unknown.
std::string signed_bytes(const TlsTranscript& handshake) {
  if (!handshake.tls13) return std::string(handshake.messages);
  const uint16_t suite = handshake.suite;
  if (suite < 0x1301 || suite > 0x1305) return {};
  const EVP_MD* kind = suite == 0x1302 ? EVP_sha384() : EVP_sha256();
  std::string before;
  if (!handshake.retried.empty()) {
    const std::string first = digest_of(kind, handshake.retried);
    before.assign({'\xfe', 0, 0, static_cast<char>(first.size())});  // message_hash, 4.4.1
    before += first;
  }
  std::string out(64, ' ');
  out += "TLS 1.3, client CertificateVerify";
  out += '\0';
  out += digest_of(kind, before, handshake.messages);
  return out;
}

bool signature_is_right(const TlsTranscript& handshake, X509* certificate) {
  const Scheme* scheme = scheme_of(handshake.signature_scheme);
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  const std::string covered = signed_bytes(handshake);
  if (scheme == nullptr || key == nullptr || covered.empty() ||
      (scheme->only12 && handshake.tls13) || EVP_PKEY_get_base_id(key) != scheme->key_type)
    return false;
  const EVP_MD* digest = scheme->digest == EVP_md_null ? nullptr : scheme->digest();
  const Digest verify(EVP_MD_CTX_new());
  EVP_PKEY_CTX* how = nullptr;
  if (EVP_DigestVerifyInit(verify.get(), &how, digest, nullptr, key) != 1) return false;
  if (scheme->pss && (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) != 1 ||
                      EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) != 1))
    return false;
  return EVP_DigestVerify(verify.get(), bytes(handshake.signature), handshake.signature.size(),
                          bytes(covered), covered.size()) == 1;
}

// ---- who is it?

// A text that may be a user's name: UTF-8 without control bytes.
std::string name_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  const bool clean = std::all_of(out.begin(), out.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  return clean && out.size() <= kMaxName ? out : std::string();
}

// The first name of its kind decides, even when it cannot be used.
const ASN1_STRING* alternative_name(const GENERAL_NAMES* names, const ASN1_OBJECT* upn) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (upn == nullptr && name->type == GEN_EMAIL) return name->d.rfc822Name;
    if (upn != nullptr && name->type == GEN_OTHERNAME &&
        OBJ_cmp(name->d.otherName->type_id, upn) == 0 &&
        name->d.otherName->value->type == V_ASN1_UTF8STRING)
      return name->d.otherName->value->value.utf8string;
  }
  return nullptr;
}

std::string identity_of(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  ASN1_OBJECT* upn = OBJ_txt2obj("1.3.6.1.4.1.311.20.2.3", 1);
  const ASN1_STRING* found = alternative_name(names, nullptr);
  if (found == nullptr) found = alternative_name(names, upn);
  std::string out;
  if (found != nullptr) {
    out = name_of(found);
  } else {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    // Two names are none: nobody said which.
    if (at >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, at) < 0)
      out = name_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  ASN1_OBJECT_free(upn);
  GENERAL_NAMES_free(names);
  return out;
}

std::string subject_of(X509* certificate) {
  char text[kMaxName + 1] = "";
  X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof text);
  return text;
}

}  // namespace

Result<ClientIdentity> verify_proof(const ProofCheck& check) {
  // No configuration file: the caller may have given up opening files.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  auto handshake = tls_transcript_of(check.proof);
  if (!handshake) return refuse(handshake.error().log);
  DMAIL_TRY(check_handshake(*handshake, check));
  std::vector<Certificate> chain;
  for (const std::string_view der : handshake->client_chain) {
    chain.push_back(certificate_of(der));
    if (!chain.back()) return refuse("a client certificate that is none");
  }
  DMAIL_TRY(check_chain(chain, check));
  if (!signature_is_right(*handshake, chain[0].get())) return refuse("the signature is wrong");
  ClientIdentity who{identity_of(chain[0].get()), subject_of(chain[0].get())};
  if (who.name.empty()) return refuse("the client certificate has no usable name");
  ERR_clear_error();
  return who;
}

}  // namespace dmail

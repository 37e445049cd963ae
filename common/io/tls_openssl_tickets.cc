// Session tickets: encrypted with the key file's first key, read with any of them.
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "io/tls_openssl.h"

namespace dmail::openssl {
namespace {

bool start_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char sha256[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(
          OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac_key.data()), key.mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// The library's question for a key: 0 no ticket, 1 use it, 2 use it and give a new one, -1 failed.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int making) {
  const Handshake& handshake = handshake_of(ssl);
  if (handshake.ticket_keys.empty()) return 0;
  if (making == 1) {
    // A client with a certificate has to show it again, or it could not log in by it.
    if (handshake.proven) return 0;
    const TicketKey& key = handshake.ticket_keys.front();
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::copy(key.name.begin(), key.name.end(), name);
    return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher_key.data(), iv) == 1 &&
                   start_mac(mac, key)
               ? 1
               : -1;
  }
  for (const TicketKey& key : handshake.ticket_keys) {
    if (!std::equal(key.name.begin(), key.name.end(), name)) continue;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher_key.data(), iv) != 1 ||
        !start_mac(mac, key))
      return -1;
    return &key == &handshake.ticket_keys.front() ? 1 : 2;
  }
  return 0;
}

}  // namespace

void use_tickets(SSL_CTX* context, bool on) {
  if (!on) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return;
  }
  constexpr unsigned char kName[] = "dmail";
  SSL_CTX_set_session_id_context(context, kName, sizeof kName - 1);
  SSL_CTX_set_timeout(context, kTicketSeconds);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
}

}  // namespace dmail::openssl

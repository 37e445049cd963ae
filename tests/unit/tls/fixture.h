// Certificates made on the spot, and handshakes of tls_accept with an OpenSSL client over a socket
// pair.
#pragma once

#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "io/clock.h"
#include "io/connection_over.h"
#include "io/owned_fd.h"
#include "io/tls.h"
#include "io/tls_openssl.h"

namespace dmail::tls_test {

using openssl::Certificate;
using openssl::Connection;
using openssl::Context;
using openssl::Key;

inline constexpr const char* kStamp = "<4711.1795@mail.example>";

inline Key new_key(std::string_view kind) {
  if (kind == "rsa") return Key(EVP_RSA_gen(2048));
  if (kind == "ed25519") return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return Key(EVP_EC_gen(kind == "ec" ? "P-256" : std::string(kind).c_str()));
}

struct Identity {
  Certificate certificate;
  Key key;
  [[nodiscard]] std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate.get());
    return text(bio);
  }
  [[nodiscard]] std::string key_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text(bio);
  }

 private:
  static std::string text(BIO* bio) {
    char* at = nullptr;
    const long size = BIO_get_mem_data(bio, &at);
    std::string out(at, static_cast<size_t>(size));
    BIO_free(bio);
    return out;
  }
};

struct Wish {
  const char* cn = "mail.example";
  std::string kind = "ec";
  const char* alternative = nullptr;  // "email:a@b.example"
  const char* usage = nullptr;        // "clientAuth"
  bool authority = false;
  long from = -3600, until = 86400;  // seconds from now
};

inline Identity issue(const Wish& wish, const Identity* by = nullptr) {
  static long serial = 100;
  Identity out{Certificate(X509_new()), new_key(wish.kind)};
  X509* c = out.certificate.get();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(c), wish.from);
  X509_gmtime_adj(X509_getm_notAfter(c), wish.until);
  if (wish.cn != nullptr)
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.cn), -1, -1, 0);
  X509* issuer = by != nullptr ? by->certificate.get() : c;
  X509_set_issuer_name(c, X509_get_subject_name(issuer));
  X509_set_pubkey(c, out.key.get());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, c, nullptr, nullptr, 0);
  auto add = [&](int what, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(c, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (wish.authority) add(NID_basic_constraints, "critical,CA:TRUE");
  if (wish.alternative != nullptr) add(NID_subject_alt_name, wish.alternative);
  if (wish.usage != nullptr) add(NID_ext_key_usage, wish.usage);
  EVP_PKEY* signer = by != nullptr ? by->key.get() : out.key.get();
  const bool pure = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;
  REQUIRE(X509_sign(c, signer, pure ? nullptr : EVP_sha256()) > 0);
  return out;
}

struct Client {
  int version = 0;  // TLS1_2_VERSION; 0: the highest
  const char* ciphers = nullptr;
  const char* groups = nullptr;
  const char* server_name = nullptr;
  const Identity* identity = nullptr;
  SSL_SESSION* session = nullptr;
  bool no_extended_secret = false;
};

// What a handshake came to, on both sides.
struct Meeting {
  std::unique_ptr<TlsStream> server;  // null when it failed
  std::string why;
  Connection client;
  std::string client_saw;  // CN of the server's certificate
  std::string got;         // what the client read after the handshake
  std::unique_ptr<SSL_SESSION, openssl::Freer<SSL_SESSION_free>> session;  // the newest ticket's
  OwnedFd ours, theirs;
};

inline int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto*& kept = *static_cast<SSL_SESSION**>(SSL_get_app_data(ssl));
  SSL_SESSION_free(kept);
  kept = session;
  return 1;
}

inline Meeting meet(TlsConfig config, const Client& how = {}) {
  ::signal(SIGPIPE, SIG_IGN);  // the client writes through the library
  Meeting out;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  out.ours.reset(ends[0]);
  out.theirs.reset(ends[1]);
  Context context(SSL_CTX_new(TLS_client_method()));
  if (how.version != 0) SSL_CTX_set_max_proto_version(context.get(), how.version);
  if (how.version != 0 && how.version < TLS1_2_VERSION) {
    SSL_CTX_set_min_proto_version(context.get(), how.version);
    SSL_CTX_set_security_level(context.get(), 0);
  }
  if (how.ciphers != nullptr) SSL_CTX_set_cipher_list(context.get(), how.ciphers);
  if (how.groups != nullptr) REQUIRE(SSL_CTX_set1_groups_list(context.get(), how.groups) == 1);
  if (how.no_extended_secret) SSL_CTX_set_options(context.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  out.client.reset(SSL_new(context.get()));
  SSL* ssl = out.client.get();
  SSL_SESSION* newest = nullptr;
  SSL_set_app_data(ssl, &newest);
  if (how.identity != nullptr) {
    SSL_use_certificate(ssl, how.identity->certificate.get());
    SSL_use_PrivateKey(ssl, how.identity->key.get());
  }
  if (how.server_name != nullptr) SSL_set_tlsext_host_name(ssl, how.server_name);
  if (how.session != nullptr) SSL_set_session(ssl, how.session);
  SSL_set_fd(ssl, out.theirs.get());
  std::thread client([&] {
    if (SSL_connect(ssl) != 1) {
      ::shutdown(out.theirs.get(), SHUT_RDWR);
      return;
    }
    char text[64];
    const int n = SSL_read(ssl, text, sizeof text);
    if (n > 0) out.got.assign(text, static_cast<size_t>(n));
  });
  try {
    auto made = tls_accept(out.ours.get(), config, Deadline::in_seconds(20));
    if (made) {
      out.server = std::move(*made);
      out.server->write("hello", Deadline::in_seconds(5));
    } else {
      out.why = made.error().log;
    }
  } catch (const ConnectionOver& over) {
    out.why = over.what();
  }
  if (!out.server) ::shutdown(out.ours.get(), SHUT_RDWR);
  client.join();
  if (X509* saw = SSL_get0_peer_certificate(ssl)) {
    char name[80] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(saw), NID_commonName, name, sizeof name);
    out.client_saw = name;
  }
  // TLS 1.2 does not tell of a new ticket in a resumed session.
  out.session.reset(newest != nullptr ? newest : SSL_get1_session(ssl));
  SSL_set_app_data(ssl, nullptr);
  ERR_clear_error();
  return out;
}

inline TlsConfig config_of(const Identity& server) {
  TlsConfig config;
  config.certificate_pem = server.pem();
  config.key_pem = server.key_pem();
  config.alpn = "imap";
  return config;
}

}  // namespace dmail::tls_test

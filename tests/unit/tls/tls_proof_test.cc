// Client certificates proven by the record of a handshake; forged, cut and foreign records.
#include "io/tls_proof.h"

#include "fixture.h"
#include "io/tls_transcript.h"

namespace dmail::tls_test {
namespace {

struct World {
  Identity authority = issue({"authority", "ec", nullptr, nullptr, true});
  Identity server = issue({"mail.example"});
  Identity person = issue({"Person", "ec", "email:person@mail.example", "clientAuth"}, &authority);

  [[nodiscard]] TlsConfig config() const {
    TlsConfig out = config_of(server);
    out.client_ca_pem = authority.pem();
    out.stamp = kStamp;
    return out;
  }
  [[nodiscard]] std::string proof(Client how) const {
    Meeting m = meet(config(), how);
    INFO(m.why);
    REQUIRE(m.server);
    return std::string(m.server->client_proof());
  }
  [[nodiscard]] std::string proof(const Identity& identity, int version = 0) const {
    Client how;
    how.identity = &identity;
    how.version = version;
    return proof(how);
  }
  // The name, or why there is none in brackets.
  [[nodiscard]] std::string name(std::string_view proof) const {
    const std::string ours = server.pem(), authorities = authority.pem();
    return name({proof, ours, authorities, kStamp, wall_seconds()});
  }
  [[nodiscard]] static std::string name(const ProofCheck& check) {
    auto who = verify_proof(check);
    return who ? who->name : "[" + who.error().log + "]";
  }
};

// A revocation list of `by`, PEM.
std::string list_of(const Identity& by, std::initializer_list<const Identity*> revoked) {
  X509_CRL* crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(by.certificate.get()));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -3600);
  X509_CRL_set1_lastUpdate(crl, when);
  for (const Identity* who : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(who->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, when);
    X509_CRL_add0_revoked(crl, entry);
  }
  X509_gmtime_adj(when, 86400);
  X509_CRL_set1_nextUpdate(crl, when);
  ASN1_TIME_free(when);
  REQUIRE(X509_CRL_sign(crl, by.key.get(), EVP_sha256()) > 0);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, crl);
  char* at = nullptr;
  const long size = BIO_get_mem_data(bio, &at);
  std::string out(at, static_cast<size_t>(size));
  BIO_free(bio);
  X509_CRL_free(crl);
  return out;
}

const World& world() {
  static const World one;
  return one;
}

}  // namespace

TEST_CASE("what a revoked authority has signed is refused, too") {
  const World& w = world();
  const Identity &root = w.authority,
                 middle = issue({"middle", "ec", nullptr, nullptr, true}, &root),
                 lower = issue({"lower", "ec", nullptr, nullptr, true}, &middle),
                 person = issue({"Below", "ec", nullptr, "clientAuth"}, &lower),
                 direct = issue({"Direct", "ec", nullptr, "clientAuth"}, &root);
  const std::string proof = w.proof(person), of_direct = w.proof(direct), ours = w.server.pem();
  auto name = [&](std::string_view shown, const std::string& file) {
    return World::name({shown, ours, file, kStamp, wall_seconds()});
  };
  const std::string chain = root.pem() + middle.pem() + lower.pem();
  const std::string good = list_of(root, {}) + list_of(middle, {}) + list_of(lower, {});
  CHECK(name(proof, chain) == "Below");
  CHECK(name(proof, chain + good) == "Below");
  CHECK(name(of_direct, chain + good) == "Direct");
  const std::string revoked = "[client certificate: certificate revoked]";
  const std::string by_root = list_of(root, {&middle}), by_middle = list_of(middle, {&lower}),
                    by_lower = list_of(lower, {&person});
  CHECK(name(proof, chain + by_root + list_of(middle, {}) + list_of(lower, {})) == revoked);
  CHECK(name(proof, chain + list_of(root, {}) + by_middle + list_of(lower, {})) == revoked);
  CHECK(name(proof, chain + list_of(root, {}) + list_of(middle, {}) + by_lower) == revoked);
  CHECK(name(of_direct, chain + by_root) == "Direct");
  CHECK(name(of_direct, chain + list_of(root, {&direct})) == revoked);
  // Each needs a list, but for the last one.
  const std::string none = "[client certificate: unable to get certificate CRL]";
  CHECK(name(proof, chain + list_of(lower, {})) == none);
  CHECK(name(proof, chain + list_of(root, {}) + list_of(middle, {})) == none);
  CHECK(name(of_direct, chain + list_of(middle, {})) == none);
  CHECK(name(proof, lower.pem() + list_of(lower, {})) == "Below");
  CHECK(name(proof, lower.pem() + by_lower) == revoked);
  CHECK(name(proof, lower.pem() + middle.pem() + list_of(lower, {}) + by_middle) == revoked);
}

TEST_CASE("a client certificate is proven by the handshake") {
  const World& w = world();
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CHECK(w.name(w.proof(w.person, version)) == "person@mail.example");
  for (const char* kind : {"rsa", "ed25519", "P-384", "P-521"}) {
    INFO(kind);
    const Identity other = issue({"other", kind}, &w.authority);
    CHECK(w.name(w.proof(other, version)) == "other");
  }
  Client without;
  without.version = version;
  CHECK(w.proof(without).empty());
}

TEST_CASE("a proof after HelloRetryRequest, and by every hash") {
  const World& w = world();
  for (const char* suite : {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"}) {
    // A server of the same parts that knows one group only, so that the client has to begin again.
    TlsConfig config = w.config();
    Context context = std::move(*openssl::make_context(config));
    SSL_CTX_set1_groups_list(context.get(), "P-384");
    SSL_CTX_set_ciphersuites(context.get(), suite);
    openssl::Handshake state;
    state.config = &config;
    state.certificate_set = true;
    Connection server(SSL_new(context.get()));
    SSL_set_app_data(server.get(), &state);
    openssl::record_handshake(server.get());
    TlsCertificate pem{config.certificate_pem, config.key_pem};
    REQUIRE(openssl::use_certificates(server.get(), pem));
    REQUIRE(openssl::ask_for_certificate(server.get(), config.client_ca_pem, config.stamp));
    Context theirs(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set1_groups_list(theirs.get(), "X25519:P-384");
    Connection client(SSL_new(theirs.get()));
    SSL_use_certificate(client.get(), w.person.certificate.get());
    SSL_use_PrivateKey(client.get(), w.person.key.get());
    BIO *a = nullptr, *b = nullptr;
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(server.get(), a, a);
    SSL_set_bio(client.get(), b, b);
    for (int i = 0; i < 10 && !state.proven; ++i) {
      (void)SSL_connect(client.get());
      (void)SSL_accept(server.get());
    }
    REQUIRE(state.proven);
    auto parts = tls_transcript_of(state.transcript);
    REQUIRE(parts);
    CHECK_FALSE(parts->retried.empty());
    CHECK(w.name(state.transcript) == "person@mail.example");
    // The first hello is covered as well.
    state.transcript[20] ^= 1;
    CHECK(w.name(state.transcript) == "[the signature is wrong]");
    ERR_clear_error();
  }
}

TEST_CASE("each byte of a proof counts") {
  const World& w = world();
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const std::string proof = w.proof(w.person, version);
  for (size_t i = 0; i < proof.size(); ++i) {
    std::string changed = proof;
    changed[i] ^= 0x01;
    INFO("byte " << i << " of " << proof.size());
    CHECK(w.name(changed).front() == '[');
    if (i % 7 == 0) CHECK(w.name(proof.substr(0, i)).front() == '[');
  }
  CHECK(w.name(proof + '\0').front() == '[');
  CHECK(w.name(proof + proof).front() == '[');
  CHECK(w.name(std::string(kMaxProof + 1, '\x01')).front() == '[');
}

TEST_CASE("a good proof in the wrong place") {
  const World& w = world();
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const std::string proof = w.proof(w.person, version);
  const std::string ours = w.server.pem(), authorities = w.authority.pem();
  const int64_t now = wall_seconds();
  CHECK(World::name({proof, ours, authorities, "<1.1@mail.example>", now}) ==
        "[the handshake is of another connection]");
  CHECK(World::name({proof, ours, authorities, "", now}) ==
        "[the handshake is of another connection]");
  const std::string replaced = issue({"mail.example"}).pem();
  CHECK(World::name({proof, replaced, authorities, kStamp, now}) ==
        "[the handshake is with another server certificate]");
  CHECK(World::name({proof, "", authorities, kStamp, now}) ==
        "[the handshake is with another server certificate]");
  // One of two certificates of ours, the second.
  CHECK(World::name({proof, replaced + ours, authorities, kStamp, now})[0] ==
        (X509_check_ca(w.server.certificate.get()) == 0 ? 'p' : '['));
  const std::string others = issue({"authority", "ec", nullptr, nullptr, true}).pem();
  CHECK(World::name({proof, ours, others, kStamp, now}).find("[client certificate: ") == 0);
  CHECK(World::name({proof, ours, "", kStamp, now}) == "[no certificate in tls_client_ca]");
  CHECK(World::name({proof, ours, authorities, kStamp, now + 2 * 86400}) ==
        "[client certificate: certificate has expired]");
  CHECK(World::name({proof, ours, authorities, kStamp, now - 2 * 86400}) ==
        "[client certificate: certificate is not yet valid]");
}

TEST_CASE("certificates that prove nothing") {
  const World& w = world();
  auto outcome = [&](const Wish& wish, const Identity* by) {
    return w.name(w.proof(issue(wish, by)));
  };
  const Identity stranger = issue({"authority", "ec", nullptr, nullptr, true});
  CHECK(outcome({"Person"}, &stranger).find("[client certificate: ") == 0);
  CHECK(outcome({"Person"}, nullptr).find("[client certificate: ") == 0);
  CHECK(outcome({"Person", "ec", nullptr, "serverAuth"}, &w.authority).find("[client cert") == 0);
  CHECK(outcome({"Person", "ec", nullptr, nullptr, false, -7200, -3600}, &w.authority) ==
        "[client certificate: certificate has expired]");
  CHECK(outcome({nullptr}, &w.authority) == "[the client certificate has no usable name]");
  CHECK(outcome({"two\nlines"}, &w.authority) == "[the client certificate has no usable name]");
  // The certificate of one, the signature of another.
  const std::string proof = w.proof(w.person);
  const std::string other = w.proof(issue({"x", "ec", "email:person@mail.example"}, &w.authority));
  auto parts = tls_transcript_of(proof);
  auto theirs = tls_transcript_of(other);
  REQUIRE((parts && theirs));
  const size_t cut = proof.size() - parts->signature.size() - 8;
  const size_t their_cut = other.size() - theirs->signature.size() - 8;
  CHECK(w.name(proof.substr(0, cut) + other.substr(their_cut)) == "[the signature is wrong]");
}

TEST_CASE("the name in a certificate") {
  const World& w = world();
  auto outcome = [&](const char* cn, const char* alternative) {
    return w.name(w.proof(issue({cn, "ec", alternative}, &w.authority)));
  };
  CHECK(outcome("Cn", "email:first@mail.example,email:second@mail.example") ==
        "first@mail.example");
  constexpr const char* kUpn = "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:upn@mail.example";
  CHECK(outcome("Cn", kUpn) == "upn@mail.example");
  CHECK(outcome("Cn", (std::string(kUpn) + ",email:a@mail.example").c_str()) == "a@mail.example");
  CHECK(outcome("Cn", "DNS:host.example") == "Cn");
  CHECK(outcome("J\xc3\xb6rg", nullptr) == "J\xc3\xb6rg");
}

TEST_CASE("TLS 1.2 without ephemeral keys proves nothing") {
  World w;
  w.server = issue({"mail.example", "rsa"});
  Client how;
  how.identity = &w.person;
  how.version = TLS1_2_VERSION;
  how.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
  CHECK(w.name(w.proof(how)) == "person@mail.example");
  how.ciphers = "AES128-GCM-SHA256";
  CHECK(w.name(w.proof(how)).front() == '[');
}

TEST_CASE("revoked certificates, where the file has lists of them") {
  const World& w = world();
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(w.authority.certificate.get()));
  ASN1_TIME* when = ASN1_TIME_new();
  X509_gmtime_adj(when, -60);
  X509_CRL_set1_lastUpdate(list, when);
  X509_REVOKED* revoked = X509_REVOKED_new();
  X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(w.person.certificate.get()));
  X509_REVOKED_set_revocationDate(revoked, when);
  X509_CRL_add0_revoked(list, revoked);
  X509_gmtime_adj(when, 3600);
  X509_CRL_set1_nextUpdate(list, when);
  ASN1_TIME_free(when);
  X509_CRL_sign(list, w.authority.key.get(), EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list);
  char* at = nullptr;
  const long size = BIO_get_mem_data(bio, &at);
  const std::string file = w.authority.pem() + std::string(at, static_cast<size_t>(size));
  BIO_free(bio);
  X509_CRL_free(list);
  const std::string ours = w.server.pem();
  const std::string proof = w.proof(w.person);
  CHECK(World::name({proof, ours, file, kStamp, wall_seconds()}) ==
        "[client certificate: certificate revoked]");
  const std::string other = w.proof(issue({"other"}, &w.authority));
  CHECK(World::name({other, ours, file, kStamp, wall_seconds()}) == "other");
}

}  // namespace dmail::tls_test

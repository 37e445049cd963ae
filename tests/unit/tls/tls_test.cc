// Handshakes: versions, channel bindings, tickets, certificates by name.
#include "io/tls.h"

#include "fixture.h"
#include "io/ticket_keys.h"

namespace dmail::tls_test {
namespace {

std::string binding_of(SSL* client) {
  std::string out(32, '\0');
  REQUIRE(SSL_export_keying_material(client, reinterpret_cast<unsigned char*>(out.data()), 32,
                                     "EXPORTER-Channel-Binding", 24, nullptr, 0, 0) == 1);
  return out;
}

std::vector<TicketKey> keys_made(int64_t made) {
  auto key = make_ticket_key(made);
  REQUIRE(key);
  return {*key};
}

}  // namespace

TEST_CASE("keys are agreed on with curves, never with large finite fields") {
  const Identity server = issue({"mail.example", "rsa"});
  for (const char* groups : {"X25519", "P-256", "P-384", "P-521"}) {
    Client how;
    how.groups = groups;
    INFO(groups);
    CHECK(meet(config_of(server), how).server);
  }
  for (const char* groups : {"ffdhe2048", "ffdhe8192"}) {
    Client how;
    how.groups = groups;
    INFO(groups);
    CHECK_FALSE(meet(config_of(server), how).server);
  }
  Client old;
  old.version = TLS1_2_VERSION;
  old.ciphers = "DHE+AESGCM";
  CHECK_FALSE(meet(config_of(server), old).server);
}

TEST_CASE("versions of TLS") {
  const Identity server = issue({});
  CHECK(meet(config_of(server)).server->version() == "TLSv1.3");
  Client old;
  old.version = TLS1_2_VERSION;
  CHECK(meet(config_of(server), old).server->version() == "TLSv1.2");
  TlsConfig strict = config_of(server);
  strict.minimum = "1.3";
  CHECK(meet(strict).got == "hello");
  CHECK_FALSE(meet(strict, old).server);
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    old.version = version;
    const Meeting m = meet(config_of(server), old);
    CHECK_FALSE(m.server);
    CHECK(m.why.find("handshake: ") == 0);
  }
}

TEST_CASE("ciphers of TLS 1.2 are the setting's") {
  const Identity server = issue({});
  TlsConfig config = config_of(server);
  config.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
  Client old;
  old.version = TLS1_2_VERSION;
  CHECK(meet(config, old).server->cipher() == "ECDHE-ECDSA-CHACHA20-POLY1305");
  old.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  CHECK_FALSE(meet(config, old).server);
  config.ciphers = "no such thing";
  CHECK(meet(config).why.find("tls_ciphers") == 0);
}

TEST_CASE("what modern clients speak is there, small provider or not") {
  const Identity modern = issue({});
  const Identity classic = issue({"mail.example", "rsa"});
  Client how;
  for (const char* group : {"X25519", "P-256", "P-384", "P-521"}) {
    INFO(group);
    how.groups = group;
    CHECK(meet(config_of(modern), how).got == "hello");
  }
  how = {};
  how.version = TLS1_2_VERSION;
  for (const std::string suite : {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305",
                                  "AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA384"}) {
    for (const char* kind : {"ECDHE-ECDSA-", "ECDHE-RSA-"}) {
      std::string name = kind + suite;
      INFO(name);
      how.ciphers = name.c_str();
      const bool ecdsa = name.find("ECDSA") != name.npos;
      CHECK(meet(config_of(ecdsa ? modern : classic), how).got == "hello");
    }
  }
  how.ciphers = nullptr;
  for (const char* kind : {"ed25519", "P-384", "P-521"})
    CHECK(meet(config_of(issue({"mail.example", kind})), how).got == "hello");
}

TEST_CASE("channel bindings are the same on both sides") {
  const Identity server = issue({});
  Meeting m = meet(config_of(server));
  CHECK(m.server->binding("tls-exporter") == binding_of(m.client.get()));
  CHECK(m.server->binding("tls-unique").empty());
  CHECK(m.server->binding("tls-server-end-point").empty());

  Client old;
  old.version = TLS1_2_VERSION;
  m = meet(config_of(server), old);
  CHECK(m.server->binding("tls-exporter") == binding_of(m.client.get()));
  char finished[64];
  const size_t size = SSL_get_finished(m.client.get(), finished, sizeof finished);
  CHECK(size == 12);
  CHECK(m.server->binding("tls-unique") == std::string(finished, size));

  old.no_extended_secret = true;
  m = meet(config_of(server), old);
  REQUIRE(m.server);
  CHECK(m.server->binding("tls-exporter").empty());
  CHECK(m.server->binding("tls-unique").empty());
}

TEST_CASE("a ticket resumes in another process") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const Identity server = issue({});
  TlsConfig config = config_of(server);
  auto keys = keys_made(1000);
  config.ticket_keys = ticket_file_of(keys);
  Client how;
  how.version = version;
  how.server_name = "Mail.Example";
  Meeting first = meet(config, how);
  REQUIRE(first.server);
  CHECK_FALSE(first.server->resumed());
  CHECK(first.server->server_name() == "mail.example");
  REQUIRE(first.session);
  CHECK(SSL_SESSION_has_ticket(first.session.get()) == 1);
  CHECK(SSL_SESSION_get_ticket_lifetime_hint(first.session.get()) <= kTicketSeconds);

  how.session = first.session.get();
  SECTION("with the same key, and without looking at the certificate") {
    config.certificate_pem = "not looked at";
    Meeting again = meet(config, how);
    REQUIRE(again.server);
    CHECK(again.server->resumed());
    CHECK(again.got == "hello");
    // Another connection, another binding.
    CHECK(again.server->binding("tls-exporter") == binding_of(again.client.get()));
    if (version == TLS1_2_VERSION) {
      char finished[64];
      const size_t size = SSL_get_peer_finished(again.client.get(), finished, sizeof finished);
      CHECK(again.server->binding("tls-unique") == std::string(finished, size));
    }
  }
  SECTION("with the key before the newest") {
    keys.insert(keys.begin(), keys_made(2000)[0]);
    config.ticket_keys = ticket_file_of(keys);
    const Meeting again = meet(config, how);
    REQUIRE(again.server);
    CHECK(again.server->resumed());
    REQUIRE(SSL_SESSION_has_ticket(again.session.get()) == 1);  // a new ticket, by the new key
    keys.pop_back();
    config.ticket_keys = ticket_file_of(keys);
    how.session = again.session.get();
    CHECK(meet(config, how).server->resumed());
  }
  SECTION("not with another key") {
    config.ticket_keys = ticket_file_of(keys_made(1000));
    const Meeting again = meet(config, how);
    REQUIRE(again.server);
    CHECK_FALSE(again.server->resumed());
  }
  SECTION("not when there are no tickets any more") {
    config.ticket_keys.clear();
    const Meeting again = meet(config, how);
    REQUIRE(again.server);
    CHECK_FALSE(again.server->resumed());
    CHECK(SSL_SESSION_has_ticket(again.session.get()) == 0);
  }
  SECTION("a changed ticket is none") {
    SSL_SESSION* copy = SSL_SESSION_dup(first.session.get());
    unsigned char* der = nullptr;
    int size = i2d_SSL_SESSION(copy, &der);
    const unsigned char* ticket = nullptr;
    size_t ticket_size = 0;
    SSL_SESSION_get0_ticket(copy, &ticket, &ticket_size);
    auto* at = std::search(der, der + size, ticket, ticket + ticket_size);
    REQUIRE(at != der + size);
    at[ticket_size / 2] ^= 1;
    const unsigned char* in = der;
    SSL_SESSION* changed = d2i_SSL_SESSION(nullptr, &in, size);
    how.session = changed;
    const Meeting again = meet(config, how);
    REQUIRE(again.server);
    CHECK_FALSE(again.server->resumed());
    SSL_SESSION_free(changed);
    SSL_SESSION_free(copy);
    OPENSSL_free(der);
  }
}

TEST_CASE("a client with a certificate gets no ticket") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const Identity server = issue({});
  const Identity person = issue({"person"});
  TlsConfig config = config_of(server);
  config.ticket_keys = ticket_file_of(keys_made(1000));
  config.client_ca_pem = person.pem();
  config.stamp = kStamp;
  Client how;
  how.version = version;
  CHECK(SSL_SESSION_has_ticket(meet(config, how).session.get()) == 1);
  how.identity = &person;
  const Meeting m = meet(config, how);
  REQUIRE(m.server);
  CHECK_FALSE(m.server->client_proof().empty());
  CHECK(SSL_SESSION_has_ticket(m.session.get()) == 0);
  m.server->forget_handshake();
  CHECK(m.server->client_proof().empty());
}

TEST_CASE("a certificate for the name that the client asks for") {
  const Identity usual = issue({"usual"});
  const Identity other = issue({"other"});
  std::vector<std::string> asked;
  TlsConfig config = config_of(usual);
  config.certificate_for = [&](std::string_view name) -> std::optional<TlsCertificate> {
    asked.emplace_back(name);
    if (name != "other.example") return std::nullopt;
    return TlsCertificate{other.pem(), other.key_pem()};
  };
  Client how;
  CHECK(meet(config, how).client_saw == "usual");
  CHECK(asked.empty());
  how.server_name = "OTHER.example";
  CHECK(meet(config, how).client_saw == "other");
  how.server_name = "unknown.example";
  CHECK(meet(config, how).client_saw == "usual");
  CHECK(asked == std::vector<std::string>{"other.example", "unknown.example"});

  config.certificate_for = [](std::string_view) -> std::optional<TlsCertificate> {
    throw ConnectionOver(ConnectionOver::Why::PeerClosed, "nobody to ask");
  };
  CHECK(meet(config, how).why == "nobody to ask");
}

TEST_CASE("a connection goes on when the server's key is gone") {
  const Identity server = issue({});
  Meeting m = meet(config_of(server));
  REQUIRE(m.server);
  char got[8];
  for (const int update : {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    REQUIRE(SSL_key_update(m.client.get(), update) == 1);
    REQUIRE(SSL_write(m.client.get(), "ping", 4) == 4);
    CHECK(m.server->read(got, Deadline::in_seconds(5)) == 4);
    m.server->write("pong", Deadline::in_seconds(5));
    CHECK(SSL_read(m.client.get(), got, sizeof got) == 4);
  }
}

TEST_CASE("a ticket is good for the name under which it was given") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const Identity usual = issue({"usual"});
  const Identity other = issue({"other"});
  TlsConfig config = config_of(usual);
  config.ticket_keys = ticket_file_of(keys_made(1000));
  Client how;
  how.version = version;
  how.server_name = "other.example";
  auto resumes = [&](const Meeting& first, const char* name) {
    // A connection that just ends spoils its session: each gets a copy.
    const std::unique_ptr<SSL_SESSION, openssl::Freer<SSL_SESSION_free>> session(
        SSL_SESSION_dup(first.session.get()));
    Client again = how;
    again.session = session.get();
    again.server_name = name;
    const Meeting m = meet(config, again);
    REQUIRE(m.server);
    return m.server->resumed();
  };
  SECTION("where certificates go by name") {
    config.certificate_for = [&](std::string_view name) -> std::optional<TlsCertificate> {
      if (name != "other.example") return std::nullopt;
      return TlsCertificate{other.pem(), other.key_pem()};
    };
    const Meeting first = meet(config, how);
    CHECK(first.client_saw == "other");
    CHECK(resumes(first, "other.example"));
    CHECK(resumes(first, "OTHER.Example"));
    CHECK_FALSE(resumes(first, "usual.example"));
    CHECK_FALSE(resumes(first, nullptr));
    how.server_name = nullptr;
    const Meeting unnamed = meet(config, how);
    CHECK(resumes(unnamed, nullptr));
    CHECK_FALSE(resumes(unnamed, "other.example"));
  }
  SECTION("one certificate: any name") {
    const Meeting first = meet(config, how);
    CHECK(resumes(first, "usual.example"));
  }
}

TEST_CASE("two kinds of certificate in one pair of files") {
  const Identity authority = issue({"authority", "ec", nullptr, nullptr, true});
  const Identity modern = issue({"modern"}, &authority);
  const Identity classic = issue({"classic", "rsa"}, &authority);
  TlsConfig config;
  config.certificate_pem = modern.pem() + authority.pem() + classic.pem() + authority.pem();
  config.key_pem = classic.key_pem() + modern.key_pem();
  Client how;
  how.version = TLS1_2_VERSION;
  how.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  Meeting m = meet(config, how);
  CHECK(m.client_saw == "modern");
  CHECK(sk_X509_num(SSL_get_peer_cert_chain(m.client.get())) == 2);
  how.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
  m = meet(config, how);
  CHECK(m.client_saw == "classic");
  CHECK(sk_X509_num(SSL_get_peer_cert_chain(m.client.get())) == 2);

  config.key_pem = classic.key_pem();
  CHECK(meet(config).why == "the key in tls_key is not that of the certificate in tls_certificate");
  config.key_pem = "rubbish";
  CHECK(meet(config).why.find("the file of tls_key holds no private key") == 0);
  config.key_pem = classic.key_pem();
  config.certificate_pem = "rubbish";
  CHECK(meet(config).why.find("the file of tls_certificate holds no certificate") == 0);
}

TEST_CASE("ticket keys in their file") {
  const int64_t now = 1'800'000'000;
  auto keys = keys_made(now);
  CHECK(ticket_keys_current(keys, now));
  CHECK(ticket_keys_current(keys, now + kTicketKeySeconds - 1));
  CHECK_FALSE(ticket_keys_current(keys, now + kTicketKeySeconds));
  CHECK_FALSE(ticket_keys_current(keys, now - 1));  // the clock went back
  CHECK_FALSE(ticket_keys_current({}, now));

  auto next = next_ticket_keys(keys, now + kTicketKeySeconds);
  REQUIRE(next);
  REQUIRE(next->size() == 2);
  CHECK((*next)[1].name == keys[0].name);
  CHECK((*next)[0].cipher_key != keys[0].cipher_key);
  CHECK(ticket_keys_current(*next, now + kTicketKeySeconds));
  CHECK(next_ticket_keys(keys, now + kTicketKeySeconds + kTicketSeconds)->size() == 1);
  CHECK(next_ticket_keys(keys, now - 1)->front().name != keys[0].name);
  CHECK(next_ticket_keys(keys, now - 1)->size() == 1);

  const std::string file = ticket_file_of(*next);
  CHECK(file.size() == kMaxTicketFile);
  const auto back = ticket_keys_of(file);
  REQUIRE(back);
  CHECK((*back)[1].mac_key == keys[0].mac_key);
  CHECK((*back)[0].made == now + kTicketKeySeconds);
  for (size_t i = 0; i < file.size(); ++i) {
    CHECK_FALSE(ticket_keys_of(file.substr(0, i)));
    std::string changed = file;
    changed[i] ^= 0x10;
    CHECK_FALSE(ticket_keys_of(changed));
  }
  CHECK_FALSE(ticket_keys_of(file + "x"));
}

}  // namespace dmail::tls_test

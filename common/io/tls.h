// TLS for the jailed programs.  Two sets of objects implement this header: tls_openssl*.cc, and
// tls_absent.cc for the links without OpenSSL (there tls_accept fails).  Certificates and keys
// arrive as PEM text, read by whoever had the right to, and are parsed here, in the jail.
//
// At least TLS 1.2; no renegotiation, compression, session cache or early data.  A client that asks
// by ALPN for HTTP and not for us is refused, because a browser was tricked into calling here.
// After the handshake the process holds no private key and no key of tickets any more.
//
// Tickets (RFC 8446 4.6.1, RFC 5077) let a client resume in another process.  They hold the TLS
// secrets and nothing of a login, and none is given to a client that showed a certificate: a
// resumed session has no proof of one.  Where certificates go by name, so do tickets.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/stream.h"

namespace dmail {

// One file with a certificate and its chain, leaf first, and one with its key.  They may hold more
// than one kind (ECDSA and RSA): a chain each, one after the other, and as many keys.
struct TlsCertificate {
  std::string certificate_pem;
  std::string key_pem;  // wiped when it has been taken in
};

struct TlsConfig {
  std::string certificate_pem;  // the default, as in TlsCertificate
  std::string key_pem;          // wiped by tls_accept
  std::string minimum = "1.2";  // or "1.3"
  std::string ciphers;          // of TLS 1.2, openssl-ciphers(1); empty: the library's default
  std::string alpn;             // our protocol's ALPN name ("imap", "pop3"); empty: none
  std::string ticket_keys;      // bytes of the key file (io/ticket_keys.h); empty: no tickets
  std::string client_ca_pem;    // not empty: a client certificate is asked for, and optional
  std::string stamp;            // this connection's; stands in the request for the certificate
  // Asked at most once, when the client names a server and the session is not resumed: nullopt
  // means the default.  May throw ConnectionOver.
  std::function<std::optional<TlsCertificate>(std::string_view server_name)> certificate_for;
};

class TlsStream : public Stream {
 public:
  // What became of one attempt that does not wait.
  struct Try {
    size_t count = 0;  // bytes moved; 0 when it must wait, or at the end
    short wait = 0;    // POLLIN or POLLOUT of read_fd(): what it waits for
    bool end = false;  // the peer has closed its side
  };
  virtual Try try_read(std::span<char> into) = 0;
  // Repeat a write that had to wait with the same bytes first.
  virtual Try try_write(std::string_view bytes) = 0;

  // What to log: "TLSv1.3", "TLS_AES_256_GCM_SHA384".
  [[nodiscard]] virtual std::string version() const = 0;
  [[nodiscard]] virtual std::string cipher() const = 0;
  // By a ticket of an earlier connection.
  [[nodiscard]] virtual bool resumed() const { return false; }
  // What the client called us by SNI, in lower case, or "".
  [[nodiscard]] virtual std::string server_name() const { return {}; }
  // Channel binding (RFC 5929, 9266), raw: "tls-exporter" of TLS 1.3 and of 1.2 with an extended
  // master secret; "tls-unique" of 1.2 only.  "" where there is none that is safe.
  [[nodiscard]] virtual std::string binding(std::string_view) const { return {}; }
  // The handshake up to and with the client's CertificateVerify (io/tls_proof.h): not empty exactly
  // when the client showed a certificate and the key to it.  Nothing else about the certificate was
  // checked.
  [[nodiscard]] virtual std::string_view client_proof() const { return {}; }
  // After the login: gives back what only the calls above need.
  virtual void forget_handshake() {}
  // Tells the peer that no more will come; does not wait for its answer.
  virtual void shutdown() = 0;
};

// Server handshake on descriptor `fd` (not owned).  Errors: BadInput for a client that cannot agree
// with us, NoPermission for a bad certificate or key of ours.  Throws ConnectionOver at the
// deadline.
Result<std::unique_ptr<TlsStream>> tls_accept(int fd, TlsConfig& config, Deadline deadline);
bool tls_available();

}  // namespace dmail

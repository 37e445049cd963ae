// TLS for the jailed programs.  Two objects implement this header: tls_openssl.cc, and
// tls_absent.cc for the links without OpenSSL (there tls_accept fails).  Certificates and keys
// arrive as PEM text, read by whoever had the right to, and are parsed here, in the jail.
//
// At least TLS 1.2; no renegotiation, compression, session cache or tickets.  A client that asks by
// ALPN for HTTP and not for us is refused, because a browser was tricked into calling here.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/stream.h"

namespace dmail {

struct TlsConfig {
  std::string certificate_pem;  // chain, leaf first
  std::string key_pem;          // wiped by tls_accept
  std::string minimum = "1.2";  // or "1.3"
  std::string ciphers;          // of TLS 1.2, openssl-ciphers(1); empty: the library's default
  std::string alpn;             // our protocol's ALPN name ("imap", "pop3"); empty: none
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
  // Tells the peer that no more will come; does not wait for its answer.
  virtual void shutdown() = 0;
};

// Server handshake on descriptor `fd` (not owned).  Errors: BadInput for a client that cannot agree
// with us, NoPermission for a bad certificate or key of ours.  Throws ConnectionOver at the
// deadline.
Result<std::unique_ptr<TlsStream>> tls_accept(int fd, TlsConfig& config, Deadline deadline);
bool tls_available();

}  // namespace dmail

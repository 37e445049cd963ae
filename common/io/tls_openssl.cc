#include <openssl/err.h>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/tls_openssl.h"
#include "io/tls_openssl_stream.h"
#include "io/wipe_stack.h"

namespace dmail {
namespace {

using namespace openssl;
using Why = ConnectionOver::Why;

// ---- the stream

class ServerStream : public SslStream {
 public:
  ServerStream(int fd, const Context& context, TlsConfig& config) {
    handshake_.config = &config;
    if (!config.ticket_keys.empty())
      if (auto keys = ticket_keys_of(config.ticket_keys)) handshake_.ticket_keys = std::move(*keys);
    wipe(config.ticket_keys);
    use_tickets(context.get(), !handshake_.ticket_keys.empty());
    open(fd, context.get());
    SSL_set_app_data(ssl(), &handshake_);
    if (!config.client_ca_pem.empty()) record_handshake(ssl());
  }

  Status handshake(Deadline deadline) {
    for (;;) {
      ERR_clear_error();
      const int n = SSL_accept(ssl());
      if (n == 1) break;
      if (handshake_.certificate_wanted) {
        DMAIL_TRY(set_certificate());
        continue;
      }
      const short wait = wait_of(n);
      if (wait == 0)
        return Error{ErrorKind::BadInput, "TLS handshake failed", complaint("handshake")};
      await(wait, deadline, "TLS handshake not done in time");
    }
    handshake_.recording = false;
    if (!handshake_.proven) std::string().swap(handshake_.transcript);
    wipe_keys(handshake_.ticket_keys);
    handshake_.config = nullptr;
    // Nothing is signed any more.  Whoever takes this process over by what the client says from now
    // on finds no key of the site's.
    SSL_certs_clear(ssl());
    wipe_stack();
    return {};
  }

  [[nodiscard]] bool resumed() const override { return SSL_session_reused(ssl()) == 1; }
  [[nodiscard]] std::string server_name() const override {
    const char* name = SSL_get_servername(ssl(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? lower(name) : "";
  }
  [[nodiscard]] std::string binding(std::string_view type) const override;
  [[nodiscard]] std::string_view client_proof() const override {
    return handshake_.proven ? handshake_.transcript : std::string_view();
  }
  void forget_handshake() override {
    handshake_.proven = false;
    std::string().swap(handshake_.transcript);
  }

 private:
  // The default, or that of the name which the client asks for.
  Status set_certificate() {
    TlsConfig& config = *handshake_.config;
    TlsCertificate pem{std::move(config.certificate_pem), std::move(config.key_pem)};
    const std::string name = server_name();
    if (!name.empty() && config.certificate_for)
      if (auto other = config.certificate_for(name)) {
        wipe(pem.key_pem);
        pem = std::move(*other);
      }
    DMAIL_TRY(use_certificates(ssl(), pem));
    if (!config.client_ca_pem.empty())
      DMAIL_TRY(ask_for_certificate(ssl(), config.client_ca_pem, config.stamp));
    handshake_.certificate_wanted = false;
    handshake_.certificate_set = true;
    return {};
  }

  Handshake handshake_;
};

std::string ServerStream::binding(std::string_view type) const {
  const bool tls13 = SSL_version(ssl()) == TLS1_3_VERSION;
  // Without the extended master secret two connections can be made to share theirs (RFC 7627).
  if (!tls13 && SSL_get_extms_support(ssl()) != 1) return {};
  if (type == "tls-exporter") {
    constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    if (SSL_export_keying_material(ssl(), reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                   kLabel.data(), kLabel.size(), nullptr, 0, 0) != 1)
      return {};
    return out;
  }
  if (type == "tls-unique" && !tls13) {
    std::string out(64, '\0');
    // The first Finished: the client's, or in a resumed handshake ours.
    out.resize(resumed() ? SSL_get_finished(ssl(), out.data(), out.size())
                         : SSL_get_peer_finished(ssl(), out.data(), out.size()));
    return out;
  }
  return {};
}

}  // namespace

openssl::Handshake& openssl::handshake_of(SSL* ssl) {
  return *static_cast<Handshake*>(SSL_get_app_data(ssl));
}

Result<std::unique_ptr<TlsStream>> tls_accept(int fd, TlsConfig& config, Deadline deadline) {
  auto context = make_context(config);
  if (!context) return std::move(context.error());
  auto stream = std::make_unique<ServerStream>(fd, *context, config);
  const Status done = stream->handshake(deadline);
  wipe(config.key_pem);
  if (!done) return done.error();
  return std::unique_ptr<TlsStream>(std::move(stream));
}

bool tls_available() { return true; }

}  // namespace dmail

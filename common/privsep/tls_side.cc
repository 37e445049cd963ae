#include "privsep/tls_side.h"

#include "base/wipe.h"
#include "io/connection_over.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

// One of the two frames, or its text: nullopt when it comes without a descriptor.
std::optional<std::string> take_file(Channel& monitor, uint8_t type, Deadline deadline) {
  auto frame = monitor.receive(deadline);
  if (!frame) throw ConnectionOver(Why::PeerClosed, "no answer over the boundary");
  if (frame->type != type || !frame->fields.empty())
    throw ConnectionOver(Why::ProtocolBroken, "odd answer over the boundary");
  if (!frame->fd.valid()) return std::nullopt;
  auto text = read_pem(frame->fd.release());
  if (!text) throw ConnectionOver(Why::ProtocolBroken, text.error().log);
  return std::move(*text);
}

}  // namespace

Result<std::unique_ptr<TlsStream>> accept_tls(const TlsOffer& offer, Channel& monitor,
                                              Deadline deadline) {
  TlsConfig config;
  const auto take = [](int fd, std::string& into) -> Status {
    auto text = read_pem(fd);
    if (!text) return std::move(text.error());
    into = std::move(*text);
    return {};
  };
  DMAIL_TRY(take(kCertificateFd, config.certificate_pem));
  DMAIL_TRY(take(kKeyFd, config.key_pem));
  DMAIL_TRY(take(kTicketKeysFd, config.ticket_keys));
  DMAIL_TRY(take(kAuthoritiesFd, config.client_ca_pem));
  config.minimum = offer.minimum;
  config.ciphers = offer.ciphers;
  config.alpn = offer.alpn;
  config.stamp = offer.stamp;
  if (offer.by_name)
    config.certificate_for = [&](std::string_view name) -> std::optional<TlsCertificate> {
      if (name.size() > kMaxServerName) return std::nullopt;
      monitor.send(Frame(kCertificateFor, {std::string(name)}), deadline);
      TlsCertificate out;
      auto text = take_file(monitor, kCertificateFile, deadline);
      if (!text) return std::nullopt;
      out.certificate_pem = std::move(*text);
      text = take_file(monitor, kKeyFile, deadline);
      if (!text) throw ConnectionOver(Why::ProtocolBroken, "odd answer over the boundary");
      out.key_pem = std::move(*text);
      return out;
    };
  auto stream = tls_accept(0, config, deadline);
  wipe(config.key_pem);
  wipe(config.ticket_keys);
  return stream;
}

}  // namespace dmail::privsep

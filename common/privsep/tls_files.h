// A monitor's part of TLS: it opens the files that the jailed program parses, and reads none of
// them but the ticket keys.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/settings.h"
#include "io/owned_fd.h"
#include "log/log.h"
#include "privsep/frame.h"
#include "privsep/jail.h"
#include "privsep/tls_protocol.h"

namespace dmail::privsep {

bool tls_configured(const conf::Settings& settings);

// A certificate or key: a regular file of root's or ours (links are followed: the administrator
// made them) that others cannot write, and a key (`secret`) that not everybody can read.
Result<OwnedFd> open_pem(const std::string& path, bool secret);

// A certificate and its key, opened so that both are of the same time: where they lie in a
// directory that a link names, and the link is switched while we open them, we open them again.
struct OpenPair {
  OwnedFd certificate, key;
};
Result<OpenPair> open_pair(const std::string& certificate, const std::string& key);

// The item of tls_certificate_for that serves `name`: the name itself, else the longest *.DOMAIN.
struct NamedCertificate {
  std::string certificate;
  std::string key;
  [[nodiscard]] bool found() const { return !certificate.empty(); }
};
NamedCertificate certificate_for(const conf::Settings& settings, std::string_view name);

class TlsFiles {
 public:
  // `settings` and `log` are the monitor's and outlive this.
  TlsFiles(const conf::Settings& settings, log::Log& log) : settings_(settings), log_(log) {}

  // Whether STARTTLS can be offered: certificate and key are there, may be used and look like PEM.
  // (Whether they belong together only the program that parses them can say.)  When not, the log
  // has a line, one for a connection.
  bool usable();

  // Opens all that a TLS program starts with, and puts it into its plan.
  Status add_to(JailPlan& plan);
  void started();  // the program runs: the monitor keeps the certificate alone

  // Request CertificateFor.  Throws ConnectionOver (ProtocolBroken) for a second one, after the
  // handshake, and where there are no certificates to choose from.
  void on_certificate_for(const Frame& frame, Channel& channel);
  // The program has told of its handshake: no more keys for whoever takes it over from now on.
  void handshake_over() { asked_ = true; }

  // The files that the client is shown something from.
  [[nodiscard]] const NamedCertificate& shown() const { return shown_; }
  // A new descriptor of the certificate that this connection's client was shown, for the program
  // that verifies its proof.
  [[nodiscard]] Result<OwnedFd> shown_certificate() const;

 private:
  const conf::Settings& settings_;
  log::Log& log_;
  OwnedFd certificate_, key_, ticket_keys_, authorities_;
  NamedCertificate shown_;
  bool asked_ = false;
};

}  // namespace dmail::privsep

#include "privsep/tls_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/connection_over.h"
#include "privsep/ticket_file.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

constexpr int kSendMs = 30 * 1000;
constexpr int kPairTries = 20;

Error refused(const std::string& path, std::string_view why) {
  return Error{ErrorKind::NoPermission, "TLS is not available", concat(escaped(path), why)};
}

// Whether `fd` holds the start of something in PEM: a search, no parsing.  Positions stay.
bool looks_like_pem(int fd) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  char window[4096];
  for (off_t at = 0;; at += static_cast<off_t>(sizeof window - kBegin.size())) {
    const ssize_t n = ::pread(fd, window, sizeof window, at);
    if (n <= 0) return false;
    if (std::string_view(window, static_cast<size_t>(n)).find(kBegin) != std::string_view::npos)
      return true;
    if (static_cast<size_t>(n) < sizeof window) return false;
  }
}

bool is_server_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxServerName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
         });
}

// Whether `path` leads to the file that is open as `fd`.
bool is_still(const std::string& path, int fd) {
  struct stat named {
  }, open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

}  // namespace

bool tls_configured(const conf::Settings& settings) {
  return !settings.tls_certificate.empty() && !settings.tls_key.empty();
}

Result<OwnedFd> open_pem(const std::string& path, bool secret) {
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return system_error(concat("open ", path), errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error(concat("fstat ", path), errno);
  if (!S_ISREG(st.st_mode)) return refused(path, " is no regular file");
  if (st.st_size > static_cast<off_t>(kMaxPem))
    return refused(path, concat(" is longer than ", kMaxPem, " bytes"));
  if (st.st_uid != 0 && st.st_uid != ::geteuid())
    return refused(path,
                   concat(" belongs to uid ", st.st_uid, "; it must be root's: chown root ", path));
  if ((st.st_mode & S_IWOTH) != 0)
    return refused(path, concat(" can be written by everybody: chmod o-w ", path));
  if (secret && (st.st_mode & S_IROTH) != 0)
    return refused(path, concat(" can be read by everybody: chmod o-r ", path));
  return fd;
}

Result<OpenPair> open_pair(const std::string& certificate, const std::string& key) {
  for (int tries = 0;; ++tries) {
    auto first = open_pem(certificate, false);
    auto second = open_pem(key, true);
    if (first && second && (is_still(certificate, first->get()) || tries == kPairTries))
      return OpenPair{std::move(*first), std::move(*second)};
    if (tries < kPairTries && (!first || !is_still(certificate, first->get()))) continue;
    return std::move(first ? second.error() : first.error());
  }
}

NamedCertificate certificate_for(const conf::Settings& settings, std::string_view name) {
  NamedCertificate best;
  size_t matched = 0;
  for (const std::string& line : settings.tls_certificate_for) {
    const std::vector<std::string_view> words = split_words(line);
    if (words.size() != 3) continue;
    const std::string domain = lower(words[0]);
    const bool below = domain.starts_with("*.");
    // "*.example" is for "a.example", not for "example" or ".example".
    const std::string_view suffix = std::string_view(domain).substr(below ? 1 : 0);
    const bool fits =
        below ? name.size() > suffix.size() && name.ends_with(suffix) : name == suffix;
    const size_t size = below ? suffix.size() : kMaxServerName + 1;
    if (!fits || size <= matched) continue;
    matched = size;
    best = {std::string(words[1]), std::string(words[2])};
  }
  return best;
}

bool TlsFiles::usable() {
  const auto pair = open_pair(settings_.tls_certificate, settings_.tls_key);
  std::string text;
  if (!pair)
    text = pair.error().log;
  else if (!looks_like_pem(pair->certificate.get()))
    text = concat(escaped(settings_.tls_certificate), " holds no certificate (-----BEGIN)");
  else if (!looks_like_pem(pair->key.get()))
    text = concat(escaped(settings_.tls_key), " holds no key (-----BEGIN)");
  if (text.empty()) return true;
  log_.error(kTlsUnusable, {{"certificate", settings_.tls_certificate},
                            {"key", settings_.tls_key},
                            {"text", concat(text, "; STARTTLS is not offered")}});
  return false;
}

Status TlsFiles::add_to(JailPlan& plan) {
  const auto add = [&](Result<OwnedFd> file, int number, OwnedFd& into) -> Status {
    if (!file) return std::move(file.error());
    into = std::move(*file);
    plan.descriptors.emplace_back(into.get(), number);
    return {};
  };
  if (!tls_configured(settings_))
    return Error{ErrorKind::BadInput, "",
                 "--tls needs tls_certificate and tls_key, which are not set in dmail.conf"};
  shown_ = {settings_.tls_certificate, settings_.tls_key};
  auto pair = open_pair(settings_.tls_certificate, settings_.tls_key);
  if (!pair) return std::move(pair.error());
  DMAIL_TRY(add(std::move(pair->certificate), kCertificateFd, certificate_));
  DMAIL_TRY(add(std::move(pair->key), kKeyFd, key_));
  if (settings_.tls_tickets)
    // Without tickets TLS is slower, that is all.
    if (Status done = add(open_ticket_keys(settings_.work_path, wall_seconds(), log_),
                          kTicketKeysFd, ticket_keys_);
        !done)
      log_.error("ticket-keys-failed", {{"text", done.error().log}});
  if (!settings_.tls_client_ca.empty())
    DMAIL_TRY(add(open_pem(settings_.tls_client_ca, false), kAuthoritiesFd, authorities_));
  return {};
}

void TlsFiles::started() {
  key_.reset();
  ticket_keys_.reset();
  authorities_.reset();
}

void TlsFiles::on_certificate_for(const Frame& frame, Channel& channel) {
  const std::string& name = frame.fields[0];
  if (asked_ || !certificate_.valid() || settings_.tls_certificate_for.empty())
    throw ConnectionOver(Why::ProtocolBroken, "a certificate asked for out of place");
  asked_ = true;
  const Deadline deadline = Deadline::in_ms(kSendMs);
  Frame certificate(kCertificateFile);
  Frame key(kKeyFile);
  // A name that no host can have is no breach: it is the client's.
  const NamedCertificate named =
      is_server_name(name) ? certificate_for(settings_, name) : NamedCertificate();
  if (named.found()) {
    auto pair = open_pair(named.certificate, named.key);
    if (pair) {
      shown_ = named;
      certificate.fd = std::move(pair->certificate);
      key.fd = std::move(pair->key);
    } else {
      log_.error("tls-certificate-failed", {{"server", name}, {"text", pair.error().log}});
    }
  }
  channel.send(certificate, deadline);
  if (!certificate.fd.valid()) return;
  channel.send(key, deadline);
  certificate_ = std::move(certificate.fd);
}

Result<OwnedFd> TlsFiles::shown_certificate() const {
  // Not the same open file: the jailed program can move that one's position.
  const std::string path = concat("/proc/self/fd/", certificate_.get());
  OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error("certificate of this connection", errno);
  return fd;
}

}  // namespace dmail::privsep

// Requests for logins, as a jailed program in an attacker's hands would send them to a root
// monitor: frames of any type, shape and order, through the socket and the loop that monitors use.
// The first byte says which service and whether there is TLS; then packets, each behind its length
// (2 bytes, low first).  Nobody may ever be logged in: the module cannot be asked and there is no
// dmsasl.
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "io/connection_over.h"
#include "privsep/gate.h"
#include "privsep/monitor_parts.h"
#include "privsep/request_table.h"

using namespace dmail;
using namespace dmail::privsep;

namespace {

struct Monitor {
  enum State : uint32_t { Waiting = 1, Exchanging = 2 };

  Monitor(const conf::Settings& settings, log::Log& log, account::Service service, bool tls)
      : files(settings, log), gate(settings, log, ends, service, channel) {
    auto made = Channel::make();
    if (!made) std::abort();
    channel = std::move(made->first);
    theirs = std::move(made->second);
    if (tls) gate.set_tls(files);
  }

  [[nodiscard]] uint32_t state() const { return gate.exchange_open() ? Exchanging : Waiting; }
  [[nodiscard]] bool done() const { return false; }
  void on_authenticate(Frame& frame) { gate.on_authenticate(frame); }
  void on_sasl_start(Frame& frame) { gate.on_sasl_start(frame); }
  void on_sasl_step(Frame& frame) { gate.on_sasl_step(frame); }
  void on_sasl_cancel(Frame&) { gate.on_sasl_cancel(); }
  void on_tls_facts(Frame& frame) { gate.on_tls_facts(frame); }
  void on_certificate_for(Frame& frame) { files.on_certificate_for(frame, channel); }
  void on_note(Frame& frame) { (void)is_note(frame, 500); }

  Endpoints ends;
  Channel channel;
  OwnedFd theirs;
  TlsFiles files;
  Gate gate;
};

constexpr uint8_t kNoteType = 5;
constexpr Request<Monitor> kRequests[] = {
    {kAuthenticate, "", Monitor::Waiting, kAuthenticateFields, &Monitor::on_authenticate},
    {kSaslStart, "", Monitor::Waiting, kSaslStartFields, &Monitor::on_sasl_start},
    {kSaslStep, "", Monitor::Exchanging, 1, &Monitor::on_sasl_step},
    {kSaslCancel, "", Monitor::Exchanging, 0, &Monitor::on_sasl_cancel},
    {kTlsFacts, "", Monitor::Waiting, kTlsFactsFields, &Monitor::on_tls_facts},
    {kCertificateFor, "", Monitor::Waiting, 1, &Monitor::on_certificate_for},
    {kNoteType, "", Monitor::Waiting | Monitor::Exchanging, 2, &Monitor::on_note},
};

const conf::Settings& site() {
  static const conf::Settings settings = [] {
    conf::Settings out;
    std::vector<conf::Remark> remarks;
    for (const char* line :
         {"host_domain example.com", "authent_method external",
          "authent_process unix:/nonexistent/module", "work_path /nonexistent", "login_delay 0",
          "libexec_path /nonexistent", "tls_client_ca /nonexistent/ca",
          "tls_certificate_for other.example /nonexistent/c /nonexistent/k",
          "imapd_mechanisms plain login oauthbearer cram-md5 scram-sha-256-plus external",
          "dpop_mechanisms plain apop", "dsmtp_mechanisms login xoauth2 digest-md5"})
      conf::apply_line(out, line, remarks);
    if (!remarks.empty()) std::abort();
    return out;
  }();
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr std::array kServices = {account::Service::Imap, account::Service::Pop,
                                    account::Service::Smtp};
  static log::Log log =
      log::Log::open({.directory = "/nonexistent", .program = "fuzz"}, log::Level::Error);
  Monitor monitor(site(), log, kServices[data[0] % kServices.size()], (data[0] & 0x80) != 0);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  int answered = 0;
  try {
    while (rest.size() > 2) {
      const size_t length = static_cast<unsigned char>(rest[0]) |
                            static_cast<size_t>(static_cast<unsigned char>(rest[1])) << 8;
      const std::string_view packet = rest.substr(2, length);
      rest.remove_prefix(2 + packet.size());
      if (::send(monitor.theirs.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) break;
      if (!serve_one(monitor, std::span<const Request<Monitor>>(kRequests), monitor.channel,
                     Deadline::in_seconds(5)))
        break;
      char answer[1024];
      while (::recv(monitor.theirs.get(), answer, sizeof answer, MSG_DONTWAIT) > 0) ++answered;
      if (monitor.gate.login() != nullptr) std::abort();
    }
  } catch (const ConnectionOver& over) {
    if (over.why() == ConnectionOver::Why::Timeout) std::abort();
  }
  if (answered > kMaxTries + kMaxCancels) std::abort();
  return 0;
}

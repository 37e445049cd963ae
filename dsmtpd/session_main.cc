// dsmtpd-session (and dsmtpd-session-tls): the whole dialogue, in a jail.  Started by dsmtpd with
// the connection on 0 and 1 and the monitor's socket on 5 (the TLS link: certificate and key on 6
// and 7).
//
//   dsmtpd-session --by-hand HOST [--lmtp | --submission] [--client IP] [--set "NAME VALUE"]...
//       the dialogue on standard input; most recipients of HOST are good, messages are thrown away
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/text.h"
#include "dsmtpd/by_hand.h"
#include "dsmtpd/monitor_client.h"
#include "dsmtpd/session.h"
#include "io/byte_sink.h"
#include "io/connection_over.h"
#include "io/last_words.h"
#include "io/tls.h"
#include "privsep/jail.h"
#include "privsep/mechanisms.h"
#include "privsep/tls_side.h"

using namespace dmail;
using namespace dmail::dsmtpd;

namespace {

constexpr int kStuckMs = 60 * 1000;  // a client that does not read
constexpr int kHandshakeMs = 60 * 1000;
constexpr int64_t kPatienceMs = 15 * 60 * 1000;  // the monitor has limits of its own

int complain(std::string_view text) {
  std::string line = concat("dsmtpd-session: ", text, "\n");
  if (::write(2, line.data(), line.size()) < 0) return 111;
  return 1;
}

int serve(Session& session, bool greet) {
  if (!greet || session.greet()) session.run();
  return 0;
}

// The dialogue, and what the log is to know of its end.
SessionEnd serve_to_end(Session& session, bool greet, const LineReader& in,
                        const BufferedWriter& out) {
  SessionEnd end;
  try {
    serve(session, greet);
    end.reason = session.reason();
  } catch (const ConnectionOver& over) {
    end.reason = over.why() == ConnectionOver::Why::Timeout ? "idle" : "lost";
    end.text = over.what();
  }
  end.octets_in = in.octets();
  end.octets_out = out.octets();
  end.commands = session.commands();
  return end;
}

// "--by-hand HOST [--lmtp | --submission] [--client IP] [--offer-tls] [--tls] [--set "NAME
// VALUE"]..."
bool take_options(int argc, char** argv, SessionFacts& facts, conf::Settings& settings) {
  facts.by_hand = true;
  facts.host = argv[2];
  for (int i = 3; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--lmtp") {
      facts.service = Service::Lmtp;
    } else if (word == "--submission") {
      facts.service = Service::Submission;
    } else if (word == "--tls") {
      facts.tls = true;  // only said to be: as if a handshake had been
    } else if (word == "--offer-tls") {
      facts.offer_tls = true;
    } else if (word == "--client" && i + 1 < argc) {
      facts.client_ip = argv[++i];
    } else if (word == "--set" && i + 1 < argc) {
      std::vector<conf::Remark> remarks;
      conf::apply_line(settings, argv[++i], remarks);
      if (!remarks.empty()) return false;
    } else {
      return false;
    }
  }
  return true;
}

int by_hand(int argc, char** argv) {
  conf::Settings settings;
  SessionFacts facts;
  if (!take_options(argc, argv, facts, settings)) return complain("bad option");
  FdStream stream(0, 1);
  LineReader in(stream);
  BufferedWriter buffer(stream, kStuckMs);
  ReplyWriter out(buffer);
  ByHandBackend backend(facts.host);
  Session session(facts, settings, in, out, backend);
  const int status = serve(session, true);
  if (session.reason() == std::string_view("refused")) let_last_words_arrive(0, 1);
  return status;
}

// The handshake; a null pointer when the connection is over.
std::unique_ptr<TlsStream> shake_hands(const StartFacts& start, privsep::Channel& channel,
                                       MonitorClient& monitor) {
  const conf::Settings& settings = start.settings;
  auto tls = privsep::accept_tls(
      {settings.tls_minimum, settings.tls_ciphers, "smtp", start.stamp, start.tls_by_name}, channel,
      Deadline::in_ms(kHandshakeMs));
  if (!tls) {
    monitor.note(privsep::tls_event(tls.error()), tls.error().log);
    return nullptr;
  }
  monitor.tell_tls(**tls);
  return std::move(*tls);
}

int jailed() {
  // A file of the monitor's may be over its size limit, a peer gone: calls say so.
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  if (Status in_jail = privsep::enter_jail({.write_files = true}); !in_jail)
    return complain(in_jail.error().log);
  privsep::Channel channel{OwnedFd(privsep::kMonitorFd)};
  auto frame = channel.receive(Deadline::in_seconds(10));
  if (!frame) return 1;
  auto start = start_of(*frame);
  if (!start) return complain(start.error().log);
  MonitorClient monitor(channel, kPatienceMs);
  try {
    std::unique_ptr<Stream> stream = std::make_unique<FdStream>(0, 1);
    TlsStream* tls = nullptr;
    if (start->session.tls) {
      auto secured = shake_hands(*start, channel, monitor);
      if (!secured) return monitor.ended({"tls", "", 0, 0, 0}), 0;
      tls = secured.get();
      start->session.tls_stream = tls;
      if (tls->client_proof().empty())
        start->session.mechanisms =
            privsep::without_mechanism(start->session.mechanisms, "EXTERNAL");
      stream = std::move(secured);
    }
    LineReader in(*stream);
    BufferedWriter buffer(*stream, kStuckMs);
    ReplyWriter out(buffer);
    Session session(start->session, start->settings, in, out, monitor);
    const SessionEnd end = serve_to_end(session, start->greet, in, buffer);
    if (!session.replaced()) monitor.ended(end);
    if (tls != nullptr && end.reason != "lost") tls->shutdown();
    if (!session.replaced() && end.reason == "refused") let_last_words_arrive(0, 1);
  } catch (const ConnectionOver& over) {
    monitor.ended({"lost", over.what(), 0, 0, 0});
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 2 && std::string_view(argv[1]) == "--by-hand") return by_hand(argc, argv);
    if (argc > 1) {
      return complain("is started by dsmtpd; by hand: dsmtpd-session --by-hand HOST");
    }
    return jailed();
  } catch (const ConnectionOver&) {
    return 0;  // by hand: input ended; jailed: the monitor is gone
  }
}

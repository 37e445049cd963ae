#include "tools/nwauth/prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "base/wipe.h"
#include "io/owned_fd.h"
#include "tools/modules/line_protocol.h"
#include "tools/nwauth/commands.h"

namespace dmail::nwauth {
namespace {

volatile sig_atomic_t g_signal = 0;

Error wrong(const char* text) { return Error{ErrorKind::BadInput, text, text}; }

// The terminal shows nothing that is typed; as it was again at the end, also after a signal, which
// takes effect only then.
class Silence {
 public:
  explicit Silence(int fd) : fd_(fd) {
    g_signal = 0;
    struct sigaction note {};
    note.sa_handler = [](int signal) { g_signal = signal; };  // no SA_RESTART: read(2) ends
    // Held back but in wait(): one that comes before it must not be waited out.
    sigset_t held;
    ::sigemptyset(&held);
    for (const int signal : kSignals) ::sigaddset(&held, signal);
    ::sigprocmask(SIG_BLOCK, &held, &mask_);
    for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &note, &before_[i]);
    good_ = ::tcgetattr(fd_, &as_it_was_) == 0;
    termios quiet = as_it_was_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    good_ = good_ && ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (good_) ::tcsetattr(fd_, TCSAFLUSH, &as_it_was_);
    for (size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    if (g_signal != 0) ::raise(g_signal);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  [[nodiscard]] bool good() const { return good_; }
  // Until there is something to read; false: a signal came, or came before.
  [[nodiscard]] bool wait() const {
    pollfd p{fd_, POLLIN, 0};
    return ::ppoll(&p, 1, nullptr, &mask_) > 0;
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  int fd_;
  bool good_ = false;
  sigset_t mask_{};
  termios as_it_was_{};
  struct sigaction before_[std::size(kSignals)]{};
};

Result<std::string> typed(int terminal, const std::string& prompt) {
  std::string line;
  const Silence silence(terminal);
  if (!silence.good()) return wrong("the terminal cannot be made silent");
  if (::write(terminal, prompt.data(), prompt.size()) < 0) return system_error("terminal", errno);
  for (char c = 0;;) {
    const bool readable = silence.wait();
    const ssize_t n = readable ? ::read(terminal, &c, 1) : -1;
    if (n == 1 && c != '\n' && line.size() <= kMaxPassword) {
      line += c;
      continue;
    }
    if (n == 1 && c != '\n') continue;
    if (::write(terminal, "\n", 1) < 0) return system_error("terminal", errno);
    if (!readable) return wrong("given up");
    if (n < 0) return system_error("terminal", errno);
    return line;
  }
}

}  // namespace

Result<std::string> ask_password(const std::string& user) {
  std::string password;
  if (::isatty(0) == 0) {
    if (!modules::read_question(password)) return wrong("no password on standard input");
    return password;
  }
  const OwnedFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.valid()) return system_error("open /dev/tty", errno);
  auto first = typed(terminal.get(), concat("New password for ", user, ": "));
  if (!first) return first;
  if (first->empty()) return wrong("no password; nothing is changed");
  auto second = typed(terminal.get(), "The same again: ");
  const bool same = second && *first == *second;
  if (second) wipe(*second);
  if (same) return first;
  wipe(*first);
  return second ? wrong("the two are not the same; nothing is changed") : second;
}

}  // namespace dmail::nwauth

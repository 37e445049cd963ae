#include "log/crash.h"

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "log/log_time.h"

// The handler runs in a process whose heap may be broken: it allocates nothing, locks nothing, and
// escapes what it prints, because the texts may have been overwritten by then.

namespace dmail::log {
namespace {

#ifdef DMAIL_SANITIZED
constexpr bool kSanitized = true;  // it has handlers of its own
#else
constexpr bool kSanitized = false;
#endif
constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
constexpr size_t kStackSize = 16 * 1024;  // a fault may be the end of the stack; SIGSTKSZ varies
constexpr size_t kMaxText = 100;          // octets of each text

struct Facts {
  int fd = -1;
  std::string_view program, session, user, ip;
};
Facts facts;

class Line {
 public:
  Line& add(std::string_view s) {
    for (const char c : s.substr(0, kMaxText)) put(c);
    return *this;
  }
  // The text of somebody else.
  Line& add_text(std::string_view s) {
    for (const char c : s.substr(0, kMaxText))
      put(c > ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '?');
    return *this;
  }
  Line& add(int64_t number) {
    std::array<char, 20> digits{};
    size_t n = 0;
    do {
      digits[n++] = static_cast<char>('0' + number % 10);
    } while ((number /= 10) != 0);
    while (n != 0) put(digits[--n]);
    return *this;
  }
  Line& add_time() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    write_time(text_.data(), int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000);
    size_ = kTimeLength;
    return *this;
  }
  void write(int fd) const { (void)!::write(fd, text_.data(), size_); }

 private:
  void put(char c) {
    if (size_ < text_.size()) text_[size_++] = c;
  }
  std::array<char, 768> text_{};
  size_t size_ = 0;
};

void on_fault(int number) {
  Line line;
  line.add_time().add(" ").add_text(facts.program).add("[").add(int64_t{::getpid()}).add("]");
  if (!facts.session.empty()) line.add(" sid=").add_text(facts.session);
  line.add(" level=error event=session-died user=\"").add_text(facts.user).add("\"");
  if (!facts.ip.empty()) line.add(" ip=").add_text(facts.ip);
  line.add(" signal=").add(int64_t{number}).add("\n").write(facts.fd);
  std::raise(number);  // SA_RESETHAND: now it has its usual effect
}

}  // namespace

void tell_crashes(const Log& log, std::string_view user, std::string_view ip) {
  if (kSanitized || log.fd() < 0) return;
  facts = {log.fd(), log.program(), log.session(), user, ip};
  // Takes no memory before a handler runs; among the variables it would spread those over more
  // pages.
  void* stack = ::mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return;
  stack_t other{};
  other.ss_sp = stack;
  other.ss_size = kStackSize;
  if (::sigaltstack(&other, nullptr) != 0) return;
  struct sigaction action {};
  action.sa_handler = on_fault;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (const int number : kFaults) ::sigaction(number, &action, nullptr);
}

}  // namespace dmail::log

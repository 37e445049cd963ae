// Sees the jail from the inside.  Four roles in one static program:
//   jail_probe            starts itself in the jail once per attack and judges how each ends
//   "probe" ATTACK        in the jail: tries the attack; survives (exit 0) when it worked
//   imapd-login (dpopd-, -tls; dsmtpd-session)   in the place of the real one: does what the client
//   on the connection says,
//                         "send HEX" (a raw packet to the monitor), "wait" (for its answer), "end"
//   dmsasl                likewise: says to the monitor what the initial response tells it to
//   imapd-session, dpopd-session   likewise: says who it is in the log, then echoes
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/ascii.h"
#include "base/text.h"
#include "io/line_reader.h"
#include "privsep/drop.h"
#include "privsep/frame.h"
#include "privsep/jail.h"

namespace {

using namespace dmail;
using namespace dmail::privsep;

struct Attack {
  const char* name;
  bool (*worked)();
  bool root_only = false;        // nothing to see as an ordinary user
  bool by_filter = true;         // the filter kills for it; else it must just fail
  bool (*possible)() = nullptr;  // whether this kernel can be attacked so, asked without a filter
};

#ifdef __x86_64__
// Its number, 3, is close() to the filter, which lets that through: only the architecture tells
// them apart.
long read_by_32_bit_call() {
  long r = 0;
  asm volatile("int $0x80"
               : "=a"(r)
               : "a"(3L), "b"(0L), "c"(0L), "d"(0L)
               : "memory", "r8", "r9", "r10", "r11");
  return r;
}

// A kernel without the 32-bit entry answers it with SIGSEGV, filter or not.
bool has_32_bit_calls() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)read_by_32_bit_call();
    ::_exit(0);
  }
  int status = 0;
  return pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status);
}
#endif

// fstat would be the filter's to refuse.
bool is_open(int fd) {
  errno = 0;
  return ::write(fd, "", 0) == 0 || ::read(fd, nullptr, 0) == 0 || errno != EBADF;
}

const Attack kAttacks[] = {
    {"nothing", [] { return true; }, false, false},  // the one that must work
    {"open", [] { return ::open("/etc/passwd", O_RDONLY) >= 0; }},
    {"openat", [] { return ::openat(0, "x", O_RDONLY) >= 0; }},
    {"create", [] { return ::creat("/x", 0600) >= 0; }},
    {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
    {"connect",
     [] {
       sockaddr_un a{};
       a.sun_family = AF_UNIX;
       return ::connect(5, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
     }},
    {"listen", [] { return ::listen(0, 1) == 0; }},
    {"accept", [] { return ::accept(0, nullptr, nullptr) >= 0; }},
    {"fork", [] { return ::fork() >= 0; }},
    {"vfork", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0; }},
    {"exec",
     [] {
       char* none[] = {nullptr};
       return ::execve("/bin/sh", none, none) == 0;
     }},
    {"execveat", [] { return ::syscall(SYS_execveat, 0, "", nullptr, nullptr, 0x1000) == 0; }},
    {"ptrace parent", [] { return ::ptrace(PTRACE_ATTACH, ::syscall(SYS_getppid), 0, 0) == 0; }},
    {"ptrace me", [] { return ::ptrace(PTRACE_TRACEME, 0, 0, 0) == 0; }},
    {"read its memory",
     [] {
       iovec v{};
       return ::syscall(SYS_process_vm_readv, 1, &v, 1, &v, 1, 0) >= 0;
     }},
    {"signal", [] { return ::kill(1, 0) == 0; }},
    {"signal all", [] { return ::syscall(SYS_kill, -1, SIGTERM) == 0; }},
    {"tgkill", [] { return ::syscall(SYS_tgkill, 1, 1, 0) == 0; }},
    {"setuid", [] { return ::setuid(0) == 0; }},
    {"chroot", [] { return ::chroot("/") == 0; }},
    {"chdir", [] { return ::chdir("..") == 0; }},
    {"rename", [] { return ::rename("a", "b") == 0; }},
    {"unlink", [] { return ::unlink("a") == 0; }},
    {"mkdir", [] { return ::mkdir("d", 0700) == 0; }},
    {"mount", [] { return ::syscall(SYS_mount, 0, 0, 0, 0, 0) == 0; }},
    {"executable memory",
     [] {
       return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
              MAP_FAILED;
     }},
    {"make memory executable",
     [] {
       void* p = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       return ::mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
     }},
    {"raise limits",
     [] {
       rlimit l{100, 100};
       return ::setrlimit(RLIMIT_NOFILE, &l) == 0;
     }},
    {"pass a descriptor",
     [] {
       msghdr m{};
       return ::sendmsg(5, &m, 0) >= 0;
     }},
    {"fcntl", [] { return ::fcntl(0, F_SETFL, 0) == 0; }},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, 0, 0) >= 0; }},
    {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 1, 0) >= 0; }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0) >= 0; }},
    {"namespaces", [] { return ::syscall(SYS_unshare, 0x10000000) == 0; }},
    {"socket option",
     [] {
       int on = 1;
       return ::setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
     }},
    {"socket option of TCP",
     [] {
       int on = 1;
       return ::setsockopt(0, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) == 0;
     }},
#ifdef __x86_64__
    {"x32 call", [] { return ::syscall(0x40000000 | 2, "/etc/passwd", 0) >= 0; }},
    {"32-bit call", [] { return read_by_32_bit_call() >= 0; }, false, true, has_32_bit_calls},
#endif
    {"other descriptors",
     [] {
       for (int fd = 3; fd < 16; ++fd)
         if (fd != kMonitorFd && is_open(fd)) return true;
       return false;
     },
     false, false},
    {"much memory",
     [] {
       return ::mmap(nullptr, 1u << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
              MAP_FAILED;
     },
     false, false},
};

int in_jail(const char* name) {
  // What the ids and the root directory are is looked at before the filter forbids to ask.
  const bool still_root = ::geteuid() == 0 || ::getuid() == 0 || ::getegid() == 0;
  const bool old_root = std::strcmp(name, "root directory") == 0 && ::access("/etc", F_OK) == 0;
  if (still_root || old_root) return 0;
  if (std::strcmp(name, "root directory") == 0) return 3;
  if (!enter_jail()) return 9;
  for (const Attack& a : kAttacks)
    if (std::strcmp(a.name, name) == 0) return a.worked() ? 0 : 3;
  return 9;
}

// 0 when the attack ended as it should.
int judge(const Attack& attack, const std::string& self, const std::string& empty) {
  auto channel = Channel::make();
  if (!channel) return 1;
  JailPlan plan;
  plan.program = self;
  plan.arguments = {"probe", attack.name};
  const OwnedFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  plan.descriptors = {
      {null.get(), 0}, {null.get(), 1}, {2, 2}, {channel->second.get(), kMonitorFd}};
  plan.ids = {65533, 65533};
  plan.root_directory = empty;
  auto child = start_jailed(plan);
  if (!child) {
    (void)!::write(2, (child.error().log + "\n").data(), child.error().log.size() + 1);
    return 1;
  }
  int status = 0;
  ::waitpid(*child, &status, 0);
  if (std::strcmp(attack.name, "nothing") == 0) return status == 0 ? 0 : 1;
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
  const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == 3;
  if (attack.possible != nullptr && !attack.possible())  // the processor's own refusal will do
    return WIFSIGNALED(status) ? 0 : 1;
  return (attack.by_filter ? killed : failed) ? 0 : 1;
}

int judge_all() {
  char self[4096];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0) return 1;
  self[n] = '\0';
  // Beside the program, whose directory is the test's own; root makes it, nobody else needs it.
  const std::string empty = concat(self, ".empty");
  int passed = 0, bad = 0, skipped = 0;
  auto say = [](const std::string& line) { (void)!::write(1, line.data(), line.size()); };
  auto run = [&](const Attack& attack) {
    if (attack.root_only && !is_root()) return;
    const bool good = judge(attack, self, empty) == 0;
    const bool possible = attack.possible == nullptr || attack.possible();
    if (good && !possible) say(concat("skipped: ", attack.name, ": this kernel has none\n"));
    if (!good) say(concat("NOT REFUSED ", attack.name, "\n"));
    (!good ? bad : possible ? passed : skipped) += 1;
  };
  for (const Attack& attack : kAttacks) run(attack);
  run({"root directory", nullptr, true, false});
  say(concat(passed, " passed, ", bad, " failed, ", skipped, " skipped\n"));
  return bad == 0 ? 0 : 1;
}

int as_login() {
  if (!enter_jail()) return 1;
  FdStream stream(0, 1);
  LineReader in(stream);
  std::string line;
  char answer[64];
  while (in.read_line(line, 100000, Deadline::in_seconds(20)) == LineReader::Line::Ok) {
    if (line == "end") return 0;
    if (line == "wait") {
      const ssize_t n = ::recv(kMonitorFd, answer, sizeof answer, 0);
      stream.write(n <= 0 ? "gone\n" : concat("got ", static_cast<int>(answer[0]), "\n"),
                   Deadline::in_seconds(20));
      continue;
    }
    std::string packet;
    for (size_t i = 5; i + 1 < line.size(); i += 2)
      packet += static_cast<char>(hex_value(line[i]) * 16 + hex_value(line[i + 1]));
    (void)!::send(kMonitorFd, packet.data(), packet.size(), MSG_NOSIGNAL);
  }
  return 0;
}

// In the place of dmsasl: the initial response of Begin is a script, words of hex packets to send,
// "recv" a frame, "step" (likewise, and its first field is a script to go on with), "die".
int as_sasl() {
  ::alarm(20);
  std::string packet(kMaxFrame, '\0');
  auto take = [&] {
    const ssize_t n = ::recv(kMonitorFd, packet.data(), packet.size(), 0);
    auto frame = decode_frame({packet.data(), n > 0 ? static_cast<size_t>(n) : 0});
    if (!frame) ::_exit(0);
    return frame->fields.empty() ? std::string() : frame->fields[frame->type == 1 ? 5 : 0];
  };
  std::string script = take();
  for (size_t at = 0; at < script.size();) {
    const size_t end = std::min(script.find(' ', at), script.size());
    const std::string word = script.substr(at, end - at);
    at = end + 1;
    if (word == "die") return 7;
    if (word == "recv") {
      (void)take();
    } else if (word == "step") {
      script = take();
      at = 0;
    } else {
      std::string bytes;
      for (size_t i = 0; i + 1 < word.size(); i += 2)
        bytes += static_cast<char>(hex_value(word[i]) * 16 + hex_value(word[i + 1]));
      (void)!::send(kMonitorFd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }
  (void)take();  // the monitor ends it
  return 0;
}

// In the place of imapd-session: who it is and what it was told, then an echo.
int as_session() {
  std::string text = concat("session uid=", ::getuid(), " gid=", ::getgid(),
                            " root-again=", ::setuid(0) == 0 ? "yes" : "no", " open=");
  for (int fd = 0; fd < 32; ++fd)
    if (is_open(fd)) append(text, concat(fd, ","));
  text += '\n';
  (void)!::write(4, text.data(), text.size());
  char window[65536];
  for (ssize_t n = 0; (n = ::read(3, window, sizeof window)) > 0;)
    (void)!::write(1, window, static_cast<size_t>(n));
  FdStream stream(0, 1);
  for (size_t n = 0; (n = stream.read(window, Deadline::in_seconds(20))) > 0;)
    stream.write(std::string_view(window, n), Deadline::in_seconds(20));
  stream.write("end of input\n", Deadline::in_seconds(20));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[0], "probe") == 0) return in_jail(argv[1]);
  const std::string_view name = argv[0];
  if (name.starts_with("imapd-login") || name.starts_with("dpopd-login")) return as_login();
  if (name.starts_with("dsmtpd-session")) return as_login();
  if (std::strcmp(argv[0], "dmsasl") == 0) return as_sasl();
  if (name.starts_with("imapd-session")) return as_session();
  if (name.starts_with("dpopd-session")) return as_session();
  return judge_all();
}

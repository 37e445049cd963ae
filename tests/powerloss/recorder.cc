// Runs a program and everything it starts under ptrace, and writes down what it does to the files
// below one directory and what it says to its client, in the order in which it happened.
//
//   recorder --log FILE --below DIRECTORY --boot FILE -- PROGRAM ARGUMENT...
//
// The log is appended to: a line of JSON for each event, and `bytes` octets behind it.
//   write  ino off bytes mtime      what stands in the file now, from `off` on
//   size   ino size mtime           it was cut or extended (with zeros)
//   sync   ino                      of a file or a directory
//   order  ino                      what the file holds by now comes before what is written later
//   create ino [dir name]           a new file; without a name with O_TMPFILE
//   mkdir link  ino dir name        unlink rmdir  dir name
//   rename dir name dir2 name2 [exchange]
//   out    bytes                    to a pipe or a socket: what the client was told
//   unknown call                    a change that is not understood: no image can be believed
// Directories are named by their inode.  A call that failed has no event.
// A program that asks for the id of the boot is given --boot instead (a path of up to 31 octets):
// when the images are opened later, without the recorder, the machine has been booted again.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <climits>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/traced.h"

namespace {

constexpr std::string_view kBootId = "/proc/sys/kernel/random/boot_id";

struct Options {
  std::string log, below, boot;
  char** program = nullptr;
};

std::string at(pid_t pid, const char* what, long number = -1) {
  std::string path = "/proc/" + std::to_string(pid) + "/" + what;
  if (number >= 0) path += std::to_string(number);
  return path;
}

std::string target(const std::string& link) {
  char path[PATH_MAX];
  const ssize_t n = ::readlink(link.c_str(), path, sizeof path);
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : std::string();
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// A name as the program gave it: where it leads, and how that is called in an event.
struct Place {
  std::string path;
  unsigned long directory = 0;
  std::string name;
};

class Recorder : public faults::Traced {
 public:
  explicit Recorder(Options options) : options_(std::move(options)) {
    log_ = ::open(options_.log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (log_ < 0) faults::die("log");
  }

 protected:
  struct Call {
    long nr = 0;
    unsigned long long a[6] = {};
    Place from, to;
    bool existed = false;
    off_t size = 0;
  };

  void before(pid_t pid, const __ptrace_syscall_info& info) override {
    Call c;
    c.nr = static_cast<long>(info.entry.nr);
    for (int i = 0; i < 6; ++i) c.a[i] = info.entry.args[i];
    switch (c.nr) {
#ifdef SYS_open
      case SYS_open:
        return opening(pid, c, AT_FDCWD, 0);
      case SYS_unlink:
      case SYS_rmdir:
      case SYS_mkdir:
        c.from = place(pid, AT_FDCWD, c.a[0]);
        break;
      case SYS_rename:
      case SYS_link:
        c.from = place(pid, AT_FDCWD, c.a[0]);
        c.to = place(pid, AT_FDCWD, c.a[1]);
        break;
#endif
      case SYS_openat:
        return opening(pid, c, static_cast<int>(c.a[0]), 1);
      case SYS_unlinkat:
      case SYS_mkdirat:
        c.from = place(pid, static_cast<int>(c.a[0]), c.a[1]);
        break;
      case SYS_renameat:
      case SYS_renameat2:
      case SYS_linkat:
        c.from = place(pid, static_cast<int>(c.a[0]), c.a[1]);
        c.to = place(pid, static_cast<int>(c.a[2]), c.a[3]);
        break;
      default:
        break;
    }
    calls_[pid] = std::move(c);
  }

  void behind(pid_t pid, const __ptrace_syscall_info& info) override {
    const auto it = calls_.find(pid);
    if (it == calls_.end()) return;
    const Call c = std::move(it->second);
    calls_.erase(it);
    const long result = static_cast<long>(info.exit.rval);
    if (result >= 0) done(pid, c, result);
  }

 private:
  void done(pid_t pid, const Call& c, long result) {
    switch (c.nr) {
      case SYS_write:
      case SYS_writev:
        return written(pid, c, -1, result);
      case SYS_sendto:
      case SYS_sendmsg:
        return unknown(static_cast<int>(c.a[0]) <= 2, "send");
      case SYS_pwrite64:
        return written(pid, c, static_cast<off_t>(c.a[3]), result);
      case SYS_ftruncate:
      case SYS_fallocate:
        return sized(pid, c);
      case SYS_fsync:
      case SYS_fdatasync:
        return synced(pid, c);
      case SYS_sync_file_range:
        return synced(pid, c, "order");
      case SYS_openat:
        return opened(pid, c, static_cast<int>(c.a[2]), result);
      case SYS_mkdirat:
        return named("mkdir", c.from);
      case SYS_unlinkat:
        return gone(c, (c.a[2] & AT_REMOVEDIR) != 0);
      case SYS_linkat:
        return named("link", c.to);
      case SYS_renameat:
        return renamed(c, 0);
      case SYS_renameat2:
        return renamed(c, static_cast<unsigned>(c.a[4]));
#ifdef SYS_open
      case SYS_open:
        return opened(pid, c, static_cast<int>(c.a[1]), result);
      case SYS_mkdir:
        return named("mkdir", c.from);
      case SYS_unlink:
        return gone(c, false);
      case SYS_rmdir:
        return gone(c, true);
      case SYS_link:
        return named("link", c.to);
      case SYS_rename:
        return renamed(c, 0);
#endif
      case SYS_mmap:
        return unknown((c.a[3] & MAP_SHARED) != 0 && (c.a[2] & PROT_WRITE) != 0 &&
                           is_below(target(at(pid, "fd/", static_cast<int>(c.a[4])))),
                       "mmap");
      case SYS_sendfile:
      case SYS_pwritev:
      case SYS_pwritev2:
        return unknown(ours(pid, c.a[0]), "sendfile or pwritev");
      case SYS_copy_file_range:
        return unknown(ours(pid, c.a[2]), "copy_file_range");
      default:
        return;
    }
  }

  [[nodiscard]] bool is_below(const std::string& path) const {
    return path.starts_with(options_.below + "/") || path == options_.below;
  }
  [[nodiscard]] bool ours(pid_t pid, unsigned long long fd) const {
    return is_below(target(at(pid, "fd/", static_cast<int>(fd))));
  }

  static std::string memory(pid_t pid, unsigned long long from, size_t size) {
    std::string out(size, '\0');
    iovec here{out.data(), size}, there{reinterpret_cast<void*>(from), size};
    const ssize_t n = ::process_vm_readv(pid, &here, 1, &there, 1, 0);
    out.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return out;
  }
  static std::string text(pid_t pid, unsigned long long from) {
    std::string out;
    while (out.size() < PATH_MAX) {  // up to the end of a page: the next may not be there
      const std::string some = memory(pid, from + out.size(), 256 - (from + out.size()) % 256);
      const size_t end = some.find('\0');
      out += some.substr(0, end);
      if (some.empty() || end != std::string::npos) break;
    }
    return out;
  }

  Place place(pid_t pid, int directory, unsigned long long name) {
    Place p;
    p.path = text(pid, name);
    if (p.path.empty()) return p;
    if (p.path[0] != '/')
      p.path =
          target(directory == AT_FDCWD ? at(pid, "cwd") : at(pid, "fd/", directory)) + "/" + p.path;
    const size_t slash = p.path.rfind('/');
    struct stat st {};
    if (::stat(p.path.substr(0, slash).c_str(), &st) == 0) p.directory = st.st_ino;
    p.name = p.path.substr(slash + 1);
    return p;
  }

  void opening(pid_t pid, Call& c, int directory, int argument) {
    if (text(pid, c.a[argument]) == kBootId) give_boot(pid, c.a[argument]);
    c.from = place(pid, directory, c.a[argument]);
    struct stat st {};
    c.existed = ::lstat(c.from.path.c_str(), &st) == 0;
    c.size = c.existed ? st.st_size : 0;
    calls_[pid] = std::move(c);
  }

  void give_boot(pid_t pid, unsigned long long where) {
    std::string path = options_.boot;
    path.resize((path.size() / sizeof(long) + 1) * sizeof(long));
    for (size_t i = 0; i < path.size(); i += sizeof(long)) {
      long word = 0;
      std::memcpy(&word, path.data() + i, sizeof word);
      if (::ptrace(PTRACE_POKEDATA, pid, where + i, word) != 0) faults::die("boot");
    }
  }

  void opened(pid_t pid, const Call& c, int flags, long fd) {
    struct stat st {};
    if (!is_below(c.from.path) || ::stat(at(pid, "fd/", fd).c_str(), &st) != 0) return;
    if ((flags & O_TMPFILE) == O_TMPFILE)
      event("\"create\",\"ino\":" + std::to_string(st.st_ino));
    else if ((flags & O_CREAT) != 0 && !c.existed)
      event("\"create\",\"ino\":" + std::to_string(st.st_ino) + where(c.from, ""));
    else if ((flags & O_TRUNC) != 0 && c.size > 0)
      event("\"size\",\"size\":0," + numbers(st));
  }

  void written(pid_t pid, const Call& c, off_t offset, long bytes) {
    const auto fd = static_cast<int>(c.a[0]);
    const std::string link = at(pid, "fd/", fd);
    struct stat st {};
    if (::stat(link.c_str(), &st) != 0) return;
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
      if (fd == 1) event("\"out\"", said(pid, c, bytes));
      return;
    }
    if (!is_below(target(link))) return;
    if (offset < 0) offset = position(pid, fd) - bytes;
    const int file = ::open(link.c_str(), O_RDONLY | O_CLOEXEC);
    std::string now(static_cast<size_t>(bytes), '\0');
    if (file < 0 || ::pread(file, now.data(), now.size(), offset) != bytes)
      faults::die("read back");
    ::close(file);
    event("\"write\",\"off\":" + std::to_string(offset) + "," + numbers(st), now);
  }

  static std::string said(pid_t pid, const Call& c, long bytes) {
    if (c.nr == SYS_write) return memory(pid, c.a[1], static_cast<size_t>(bytes));
    const std::string raw = memory(pid, c.a[1], c.a[2] * sizeof(iovec));
    std::string out;
    for (size_t i = 0; i + sizeof(iovec) <= raw.size(); i += sizeof(iovec)) {
      iovec v{};
      std::memcpy(&v, raw.data() + i, sizeof v);
      out += memory(pid, reinterpret_cast<unsigned long long>(v.iov_base), v.iov_len);
    }
    out.resize(std::min(out.size(), static_cast<size_t>(bytes)));
    return out;
  }

  static off_t position(pid_t pid, int fd) {
    FILE* f = std::fopen(at(pid, "fdinfo/", fd).c_str(), "re");
    long long pos = 0;
    if (f == nullptr || std::fscanf(f, "pos: %lld", &pos) != 1) faults::die("fdinfo");
    std::fclose(f);
    return static_cast<off_t>(pos);
  }

  void sized(pid_t pid, const Call& c) {
    if (!ours(pid, c.a[0])) return;
    struct stat st {};
    if (::stat(at(pid, "fd/", static_cast<int>(c.a[0])).c_str(), &st) != 0) return;
    if (c.nr == SYS_fallocate && c.a[1] != 0) return unknown(true, "fallocate");
    event("\"size\",\"size\":" + std::to_string(st.st_size) + "," + numbers(st));
  }

  void synced(pid_t pid, const Call& c, const char* what = "sync") {
    struct stat st {};
    if (ours(pid, c.a[0]) && ::stat(at(pid, "fd/", static_cast<int>(c.a[0])).c_str(), &st) == 0)
      event("\"" + std::string(what) + "\",\"ino\":" + std::to_string(st.st_ino));
  }

  void named(const char* what, const Place& p) {
    struct stat st {};
    if (is_below(p.path) && ::lstat(p.path.c_str(), &st) == 0)
      event("\"" + std::string(what) + "\",\"ino\":" + std::to_string(st.st_ino) + where(p, ""));
  }

  void gone(const Call& c, bool directory) {
    if (is_below(c.from.path))
      event(std::string(directory ? "\"rmdir\"" : "\"unlink\"") + where(c.from, ""));
  }

  void renamed(const Call& c, unsigned flags) {
    if (!is_below(c.from.path) && !is_below(c.to.path)) return;
    event("\"rename\"" + where(c.from, "") + where(c.to, "2") +
          ((flags & RENAME_EXCHANGE) != 0 ? ",\"exchange\":1" : ""));
  }

  void unknown(bool really, const char* call) {
    if (really) event("\"unknown\",\"call\":\"" + std::string(call) + "\"");
  }

  static std::string where(const Place& p, const std::string& number) {
    return ",\"dir" + number + "\":" + std::to_string(p.directory) + ",\"name" + number +
           "\":" + quoted(p.name);
  }
  static std::string numbers(const struct stat& st) {
    return "\"ino\":" + std::to_string(st.st_ino) +
           ",\"mtime\":" + std::to_string(st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
  }

  // In one write: the logs of several recorders and the notes of the test may be one file.
  void event(const std::string& what, const std::string& bytes = {}) {
    const std::string line =
        "{\"op\":" + what + ",\"bytes\":" + std::to_string(bytes.size()) + "}\n" + bytes;
    if (::write(log_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      faults::die("write of the log");
  }

  Options options_;
  int log_ = -1;
  std::map<pid_t, Call> calls_;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--") {
      o.program = argv + i + 1;
      break;
    }
    (a == "--log" ? o.log : a == "--below" ? o.below : o.boot) = argv[++i];
  }
  if (o.program == nullptr || o.log.empty() || o.below.empty() || o.boot.size() > kBootId.size()) {
    std::fputs("usage: recorder --log FILE --below DIRECTORY --boot FILE -- PROGRAM ARGUMENT...\n",
               stderr);
    std::exit(64);
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  return Recorder(options).run(options.program);
}

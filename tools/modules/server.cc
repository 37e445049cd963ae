#include "tools/modules/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"
#include "io/path_error.h"
#include "io/wipe_stack.h"
#include "tools/modules/workers.h"

namespace dmail::modules {
namespace {

struct Client {
  OwnedFd fd;
  std::string in, out;
  bool busy = false;    // a worker has its question
  bool ending = false;  // nothing more is read; gone once `out` is sent
  int64_t last_ms = monotonic_ms();
};

bool someone_listens(const sockaddr_un& address) {
  const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Root's own socket is opened to the user of the other modules by giving it to him, not by its
// mode.  Only in a directory where nobody else can put something in its place.
Status give_to_module_user(const std::string& path, uid_t module_uid,
                           const std::function<void(std::string_view)>& log) {
  if (::geteuid() != 0 || module_uid == 0) return {};
  struct stat st {};
  const std::string above = path.substr(0, std::max<size_t>(1, path.rfind('/')));
  if (::stat(above.c_str(), &st) != 0) return system_error("stat " + above, errno);
  if (st.st_uid != 0 || (st.st_mode & 022) != 0) {
    log(concat("the socket stays root's, because ", above, " is not root's alone"));
    return {};
  }
  if (::lchown(path.c_str(), module_uid, static_cast<gid_t>(-1)) != 0)
    return system_error("chown " + path, errno);
  return {};
}

Result<OwnedFd> listen_at(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path.starts_with('/') || path.size() >= sizeof address.sun_path)
    return Error{ErrorKind::BadInput, "", "-listen needs an absolute path of at most 107 bytes"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0) {
    if (!S_ISSOCK(st.st_mode))
      return Error{ErrorKind::Exists, "", path + " exists and is no socket"};
    if (someone_listens(address)) return Error{ErrorKind::InUse, "", "a server listens at " + path};
    if (::unlink(path.c_str()) != 0) return path_error("unlink", path, errno);
  }
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error("socket", errno);
  const mode_t before = ::umask(0777 & ~mode);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int bind_errno = errno;
  ::umask(before);
  if (bound != 0) return path_error("bind", path, bind_errno);
  if (::listen(fd.get(), 256) != 0) return system_error("listen", errno);
  return fd;
}

class Server {
 public:
  Server(Responder& responder, const ServerOptions& options, OwnedFd listener, OwnedFd signals,
         const std::function<void(std::string_view)>& log)
      : responder_(responder),
        options_(options),
        listener_(std::move(listener)),
        signals_(std::move(signals)),
        log_(log),
        workers_(options.workers) {}

  void run() {
    for (;;) {
      std::vector<pollfd> fds = watched();
      const int ready = ::poll(fds.data(), fds.size(), 30'000);
      if (ready < 0 && errno != EINTR) return;
      if (ready == 0) full_ = false;
      if (fds[0].revents != 0) return responder_.ending();
      if (fds[1].revents != 0) take_results();
      if (fds[2].revents != 0) accept_clients();
      for (size_t i = 3; i < fds.size(); ++i)
        if (fds[i].revents != 0) serve_client(polled_[i - 3], fds[i].revents);
      drop_finished();
    }
  }

 private:
  std::vector<pollfd> watched() {
    std::vector<pollfd> fds{{signals_.get(), POLLIN, 0}, {workers_.done_fd(), POLLIN, 0}};
    const bool room = clients_.size() < kMaxClients && !full_;
    fds.push_back({room ? listener_.get() : -1, POLLIN, 0});
    polled_.clear();
    for (auto& [id, client] : clients_) {
      short events = client.out.empty() ? 0 : POLLOUT;
      if (!client.busy && !client.ending && client.out.size() < kMaxUnsent) events |= POLLIN;
      // One that hung up and waits for its worker would wake us for nothing.
      const bool finished = client.ending && client.out.empty();
      fds.push_back({finished ? -1 : client.fd.get(), events, 0});
      polled_.push_back(id);
    }
    return fds;
  }

  void accept_clients() {
    while (clients_.size() < kMaxClients) {
      OwnedFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd.valid()) {
        // Out of descriptors: asking again at once would be all that this thread does.
        full_ = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
        return;
      }
      ucred peer{};
      socklen_t size = sizeof peer;
      const bool known = ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
      const uid_t other = ::geteuid() == 0 ? options_.module_uid : 0;
      if (!known || (peer.uid != 0 && peer.uid != ::geteuid() && peer.uid != other)) {
        log_(concat("refused a client of uid ", peer.uid));
        continue;
      }
      Client& client = clients_[++last_id_];
      client.fd = std::move(fd);
      serve_client(last_id_, POLLIN);  // its question is usually there already
    }
  }

  void serve_client(uint64_t id, short events) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    Client& client = found->second;
    if ((events & POLLIN) != 0 && !client.busy && !client.ending) {
      char chunk[4096];
      const ssize_t n = ::recv(client.fd.get(), chunk, sizeof chunk, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) client.ending = true;
      if (n > 0) {
        client.in.append(chunk, static_cast<size_t>(n));
        client.last_ms = monotonic_ms();
      }
      ::explicit_bzero(chunk, sizeof chunk);
    } else if ((events & (POLLHUP | POLLERR)) != 0) {
      client.ending = true;
      client.out.clear();
    }
    answer_lines(id, client);
    send_some(client);
  }

  void answer_lines(uint64_t id, Client& client) {
    while (!client.busy && client.out.size() < kMaxUnsent) {
      const size_t end = client.in.find('\n');
      if (end > kMaxLine) {  // npos, mostly
        if (client.in.size() > kMaxLine) client.ending = true;
        return;
      }
      std::string line = client.in.substr(0, end);
      std::fill_n(client.in.begin(), end, '\0');
      client.in.erase(0, end + 1);
      if (auto quick = responder_.quick_answer(line)) {
        client.out += *quick;
        wipe(*quick);
      } else {
        client.busy = true;
        workers_.start(id, [this, line, asked = client.last_ms]() mutable {
          std::string answer = responder_.answer(line, asked);
          wipe(line);
          return answer;
        });
      }
      wipe(line);
      wipe_stack();
    }
  }

  void take_results() {
    for (auto& [id, answer] : workers_.take_done()) {
      const auto found = clients_.find(id);
      if (found == clients_.end()) continue;
      Client& client = found->second;
      client.busy = false;
      client.out += answer;
      client.last_ms = monotonic_ms();
      if (answer.empty()) {  // quit
        client.in.clear();
        client.ending = true;
      }
      wipe(answer);
      answer_lines(id, client);
      send_some(client);
    }
  }

  static void send_some(Client& client) {
    while (!client.out.empty()) {
      const ssize_t n = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
      if (n > 0) client.out.erase(0, static_cast<size_t>(n));
      if (client.out.empty()) wipe(client.out);  // keys
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) {
        client.ending = true;
        client.out.clear();
      }
    }
  }

  void drop_finished() {
    const int64_t long_ago = monotonic_ms() - kIdleSeconds * 1000;
    const size_t gone = std::erase_if(clients_, [&](const auto& entry) {
      const Client& client = entry.second;
      return (client.ending && client.out.empty() && !client.busy) ||
             (!client.busy && client.last_ms < long_ago);
    });
    if (gone > 0) full_ = false;
  }

  Responder& responder_;
  const ServerOptions& options_;
  OwnedFd listener_, signals_;
  const std::function<void(std::string_view)>& log_;
  std::map<uint64_t, Client> clients_;
  std::vector<uint64_t> polled_;
  uint64_t last_id_ = 0;
  bool full_ = false;  // no descriptor for one more client until one leaves
  Workers workers_;    // last: its threads end before anything they use
};

}  // namespace

bool parse_mode(std::string_view text, mode_t& mode) {
  if (text.empty() || text.size() > 4) return false;
  mode = 0;
  for (char c : text) {
    if (c < '0' || c > '7') return false;
    mode = mode * 8 + static_cast<mode_t>(c - '0');
  }
  return mode <= 0777;
}

Status serve(Responder& responder, const ServerOptions& options,
             const std::function<void(std::string_view)>& log) {
  Result<OwnedFd> listener = listen_at(options.path, options.mode);
  if (!listener) return std::move(listener.error());
  DMAIL_TRY(give_to_module_user(options.path, options.module_uid, log));
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ending, nullptr);
  OwnedFd signals(::signalfd(-1, &ending, SFD_CLOEXEC));
  if (!signals.valid()) return system_error("signalfd", errno);
  log(concat("listening at ", options.path));
  Server(responder, options, std::move(*listener), std::move(signals), log).run();
  (void)::unlink(options.path.c_str());  // if it is gone already, so much the better
  return {};
}

}  // namespace dmail::modules

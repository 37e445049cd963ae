// The monitor's files of TLS: ticket keys on disk, certificates by name, checks of PEM files.
#include "privsep/tls_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "io/connection_over.h"
#include "io/file.h"
#include "io/ticket_keys.h"
#include "privsep/ticket_file.h"
#include "privsep/tls_protocol.h"

namespace dmail::privsep {
namespace {

constexpr int64_t kNow = 1'800'000'000;

struct Folder {
  Folder() {
    char name[] = "/tmp/dmail-tls.XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() {
    const std::string command = concat("rm -rf ", path);
    (void)!std::system(command.c_str());
  }
  [[nodiscard]] std::string in(std::string_view name) const { return concat(path, "/", name); }
  std::string put(std::string_view name, std::string_view text, mode_t mode = 0600) const {
    REQUIRE(replace_file(in(name), text, mode));
    REQUIRE(::chmod(in(name).c_str(), mode) == 0);
    return in(name);
  }
  std::string path;
};

log::Log log_in(const Folder& folder) {
  return log::Log::open({folder.path, "tls", 0, 1}, log::Level::Debug);
}
std::string log_of(const Folder& folder) { return *read_file(folder.in("tls.log"), 1 << 20); }

std::vector<TicketKey> keys_at(const Folder& folder, int64_t now, log::Log& log) {
  auto fd = open_ticket_keys(folder.path, now, log);
  REQUIRE(fd);
  auto text = read_pem(fd->release());  // as the TLS program does
  REQUIRE(text);
  auto keys = ticket_keys_of(*text);
  REQUIRE(keys);
  return *keys;
}

}  // namespace

TEST_CASE("ticket keys are made once, and change with time") {
  const Folder folder;
  log::Log log = log_in(folder);
  const auto first = keys_at(folder, kNow, log);
  REQUIRE(first.size() == 1);
  CHECK(keys_at(folder, kNow + 100, log)[0].name == first[0].name);
  struct stat st {};
  REQUIRE(::stat(folder.in("tls-tickets").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);

  const auto second = keys_at(folder, kNow + kTicketKeySeconds, log);
  REQUIRE(second.size() == 2);
  CHECK(second[1].name == first[0].name);
  CHECK(second[0].name != first[0].name);
  // The first is gone when its last ticket is too old.
  const auto third = keys_at(folder, kNow + 2 * kTicketKeySeconds, log);
  REQUIRE(third.size() == 2);
  CHECK(third[1].name == second[0].name);
  // Nobody came for days.
  CHECK(keys_at(folder, kNow + 10 * kTicketKeySeconds, log).size() == 1);
  CHECK(log_of(folder).find("ticket-keys-replaced") == std::string::npos);
}

TEST_CASE("a clock that goes back makes new ticket keys") {
  const Folder folder;
  log::Log log = log_in(folder);
  const auto future = keys_at(folder, kNow + 86400, log);
  const auto now = keys_at(folder, kNow, log);
  REQUIRE(now.size() == 1);
  CHECK(now[0].name != future[0].name);
  CHECK(now[0].made == kNow);
}

TEST_CASE("a damaged or foreign file of ticket keys is replaced") {
  const Folder folder;
  log::Log log = log_in(folder);
  const auto first = keys_at(folder, kNow, log);
  const std::string path = folder.in("tls-tickets");
  const std::string good = *read_file(path, kMaxTicketFile);
  const auto replaced = [&] {
    const auto keys = keys_at(folder, kNow, log);
    CHECK(keys.size() == 1);
    CHECK(keys[0].name != first[0].name);
    CHECK(log_of(folder).find("ticket-keys-replaced") != std::string::npos);
    struct stat st {};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    CHECK((S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600));
  };
  SECTION("torn") {
    folder.put("tls-tickets", good.substr(0, good.size() / 2));
    replaced();
  }
  SECTION("empty") {
    folder.put("tls-tickets", "");
    replaced();
  }
  SECTION("much too long") {
    folder.put("tls-tickets", good + std::string(100000, 'x'));
    replaced();
  }
  SECTION("readable by others") {
    folder.put("tls-tickets", good, 0644);
    replaced();
  }
  SECTION("another's") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(path.c_str(), 65532, 65532) == 0);
    replaced();
  }
  SECTION("known under a second name") {
    REQUIRE(::link(path.c_str(), folder.in("copy").c_str()) == 0);
    replaced();
  }
  SECTION("a link") {
    REQUIRE(::rename(path.c_str(), folder.in("elsewhere").c_str()) == 0);
    REQUIRE(::symlink(folder.in("elsewhere").c_str(), path.c_str()) == 0);
    replaced();
    CHECK(*read_file(folder.in("elsewhere"), kMaxTicketFile) == good);
  }
  SECTION("a FIFO") {
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    replaced();
  }
  SECTION("a directory: no tickets, and said so") {
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    CHECK_FALSE(open_ticket_keys(folder.path, kNow, log));
  }
}

TEST_CASE("no directory, no tickets") {
  const Folder folder;
  log::Log log = log_in(folder);
  CHECK_FALSE(open_ticket_keys(folder.in("none"), kNow, log));
}

TEST_CASE("many monitors at once agree on one ticket key") {
  const Folder folder;
  int result[2];
  REQUIRE(::pipe(result) == 0);
  constexpr int kMonitors = 12;
  for (int i = 0; i < kMonitors; ++i) {
    if (::fork() != 0) continue;
    log::Log log = log_in(folder);
    auto fd = open_ticket_keys(folder.path, kNow, log);
    char text[kMaxTicketFile];
    const ssize_t n = fd ? ::read(fd->get(), text, sizeof text) : 0;
    auto keys = ticket_keys_of({text, static_cast<size_t>(n)});
    const char* name =
        keys ? reinterpret_cast<const char*>((*keys)[0].name.data()) : "no keys here...";
    ::_exit(::write(result[1], name, 16) == 16 ? 0 : 1);
  }
  std::set<std::string> names;
  for (int i = 0; i < kMonitors; ++i) {
    char name[16];
    REQUIRE(::read(result[0], name, 16) == 16);
    names.emplace(name, 16);
    ::wait(nullptr);
  }
  ::close(result[0]);
  ::close(result[1]);
  CHECK(names.size() == 1);
  CHECK(names.count("no keys here...") == 0);
}

TEST_CASE("which certificate serves a name") {
  conf::Settings settings;
  settings.tls_certificate_for = {"One.example /one.pem /one.key", "*.example /any.pem /any.key",
                                  "*.deep.example /deep.pem /deep.key", "odd line"};
  const auto serves = [&](std::string_view name) {
    return certificate_for(settings, name).certificate;
  };
  CHECK(serves("one.example") == "/one.pem");
  CHECK(certificate_for(settings, "one.example").key == "/one.key");
  CHECK(serves("two.example") == "/any.pem");
  CHECK(serves("a.deep.example") == "/deep.pem");
  CHECK(serves("a.b.deep.example") == "/deep.pem");
  CHECK(serves("deep.example") == "/any.pem");
  CHECK(serves("example").empty());
  CHECK(serves(".example").empty());
  CHECK(serves("notexample").empty());
  CHECK(serves("other.test").empty());
  CHECK(serves("").empty());
}

TEST_CASE("PEM files that a monitor does not open") {
  const Folder folder;
  const auto why = [](const std::string& path, bool secret) {
    auto fd = open_pem(path, secret);
    return fd ? std::string() : fd.error().log;
  };
  const std::string key = folder.put("key", "x", 0600);
  CHECK(why(key, true).empty());
  CHECK(why(folder.put("group", "x", 0640), true).empty());
  CHECK(why(folder.put("open", "x", 0644), false).empty());
  CHECK(why(folder.put("open", "x", 0644), true).find("read by everybody") != std::string::npos);
  CHECK(why(folder.put("wild", "x", 0666), false).find("written by") != std::string::npos);
  CHECK(why(folder.put("long", std::string(kMaxPem + 1, 'x')), true).find("is longer than") !=
        std::string::npos);
  CHECK(why(folder.path, false).find("no regular file") != std::string::npos);
  REQUIRE(::mkfifo(folder.in("fifo").c_str(), 0600) == 0);
  CHECK(why(folder.in("fifo"), false).find("no regular file") != std::string::npos);
  CHECK(why(folder.in("none"), false).find("open ") == 0);
  REQUIRE(::symlink(key.c_str(), folder.in("link").c_str()) == 0);
  CHECK(why(folder.in("link"), true).empty());
  if (::geteuid() != 0) return;
  REQUIRE(::chown(key.c_str(), 65532, 65532) == 0);
  CHECK(why(key, true).find("belongs to uid 65532") != std::string::npos);
}

TEST_CASE("a certificate for a name goes over the boundary, once") {
  const Folder folder;
  log::Log log = log_in(folder);
  conf::Settings settings;
  settings.work_path = folder.path;
  settings.tls_certificate = folder.put("default.pem", "default certificate");
  settings.tls_key = folder.put("default.key", "default key");
  settings.tls_certificate_for = {
      concat("other.example ", folder.put("other.pem", "other certificate"), " ",
             folder.put("other.key", "other key")),
      concat("broken.example ", folder.in("other.pem"), " ", folder.in("no.key"))};
  TlsFiles files(settings, log);
  JailPlan plan;
  REQUIRE(files.add_to(plan));
  CHECK(plan.descriptors.size() == 3);  // no authorities
  files.started();
  CHECK(*read_pem(files.shown_certificate()->release()) == "default certificate");
  auto made = Channel::make();
  REQUIRE(made);
  Channel jailed(std::move(made->second));
  const Deadline soon = Deadline::in_seconds(5);
  SECTION("one that there is") {
    files.on_certificate_for(Frame(kCertificateFor, {"other.example"}), made->first);
    auto certificate = jailed.receive(soon);
    REQUIRE((certificate && certificate->type == kCertificateFile && certificate->fd.valid()));
    auto key = jailed.receive(soon);
    REQUIRE((key && key->type == kKeyFile && key->fd.valid()));
    CHECK(*read_pem(certificate->fd.release()) == "other certificate");
    CHECK(*read_pem(key->fd.release()) == "other key");
    // The jailed program has read to the end; the proof's verifier begins at the start.
    CHECK(*read_pem(files.shown_certificate()->release()) == "other certificate");
    CHECK_THROWS_AS(files.on_certificate_for(Frame(kCertificateFor, {"x"}), made->first),
                    ConnectionOver);
  }
  SECTION("the default") {
    for (const char* name : {"unknown.example", "broken.example", "no/such\nname", ""}) {
      TlsFiles again(settings, log);
      JailPlan other;
      REQUIRE(again.add_to(other));
      again.on_certificate_for(Frame(kCertificateFor, {name}), made->first);
      auto answer = jailed.receive(soon);
      REQUIRE((answer && answer->type == kCertificateFile && !answer->fd.valid()));
    }
    CHECK(log_of(folder).find("event=tls-certificate-failed server=\"broken.example\"") !=
          std::string::npos);
  }
}

}  // namespace dmail::privsep

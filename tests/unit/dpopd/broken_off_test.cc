// A message that cannot be read to its end: no word of ours may stand in its text, and only the end
// of the connection tells the client that it has not got all of it (RFC 1939 section 3).
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include "dpopd/session.h"
#include "io/file.h"

namespace dmail::dpopd {
namespace {

// Gives one command after the other; `heard` is called with all output so far.
class Client : public Stream {
 public:
  Client(std::string_view input, std::function<void(const std::string&)> heard)
      : left_(input), heard_(std::move(heard)) {}
  size_t read(std::span<char> into, Deadline) override {
    const size_t n = std::min({into.size(), left_.size(), left_.find('\n') + 1});
    std::memcpy(into.data(), left_.data(), n);
    left_.remove_prefix(n);
    return n;
  }
  void write(std::string_view bytes, Deadline) override {
    output.append(bytes);
    heard_(output);
  }
  [[nodiscard]] int read_fd() const override { return -1; }
  std::string output;

 private:
  std::string_view left_;
  std::function<void(const std::string&)> heard_;
};

struct Maildrop {
  std::string dir;
  Maildrop() {
    char name[] = "/tmp/dmail-pop-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    dir = name;
    std::string text = "From a@b Sat Dec 26 09:37:48 1998\nSubject: long\n\n";
    for (int i = 0; i < 100000; ++i) text += "a line of the message\n";
    REQUIRE(replace_file(file(), text + "\n", 0600).ok());
  }
  ~Maildrop() { std::filesystem::remove_all(dir); }
  [[nodiscard]] std::string file() const { return dir + "/joe"; }

  // The conversation when the file is cut as soon as the client has some of the message.
  std::string talk(const std::string& input) const {
    privsep::SessionStart start;
    start.service = "pop";
    start.user = "joe";
    start.drop_file = file();
    start.folders = dir + "/joe.mbx";
    start.settings.lock_timeout = 1;
    Client client(input, [this](const std::string& output) {
      if (output.find("a line of") != std::string::npos) (void)!::truncate(file().c_str(), 100);
    });
    log::Log log = log::Log::inherited("dpopd", "test", start.settings.log_level);
    Session(client, start, log).run();
    return std::move(client.output);
  }
};

void check_broken_off(const std::string& command) {
  INFO(command);
  const std::string out = Maildrop().talk(command + "\r\nNOOP\r\n");
  const size_t text = out.find("a line of the message\r\n");
  REQUIRE(text != std::string::npos);
  CHECK(out.find("-ERR", text) == std::string::npos);
  CHECK(out.find("\r\n.\r\n", text) == std::string::npos);  // it did not end as a whole one does
  CHECK(out.find("+OK", text) == std::string::npos);        // nor was NOOP answered
}

}  // namespace

TEST_CASE("RETR of a message that is cut meanwhile ends the connection") {
  check_broken_off("RETR 1");
}

TEST_CASE("TOP, too") { check_broken_off("TOP 1 90000"); }

}  // namespace dmail::dpopd

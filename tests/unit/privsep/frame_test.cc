#include "privsep/frame.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "io/connection_over.h"
#include "privsep/request_table.h"

namespace dmail::privsep {
namespace {

Deadline soon() { return Deadline::in_seconds(60); }

struct Pair {
  Pair() {
    auto made = Channel::make();
    REQUIRE(made.ok());
    monitor = std::move(made->first);
    child = Channel(std::move(made->second));
  }
  void raw(std::string_view bytes) {
    REQUIRE(::send(child.fd(), bytes.data(), bytes.size(), 0) ==
            static_cast<ssize_t>(bytes.size()));
  }
  Channel monitor, child;
};

}  // namespace

TEST_CASE("frame: fields survive with every byte value and at the largest size") {
  std::string all(256, '\0');
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  auto bytes = encode_frame(Frame(7, {"", all, std::string(30000, 'x')}));
  REQUIRE(bytes.ok());
  auto frame = decode_frame(*bytes);
  REQUIRE(frame.ok());
  CHECK(frame->type == 7);
  REQUIRE(frame->fields.size() == 3);
  CHECK(frame->fields[1] == all);
  CHECK(frame->fields[2].size() == 30000);
  CHECK_FALSE(encode_frame(Frame(7, {std::string(kMaxFrame, 'x')})).ok());
  CHECK_FALSE(encode_frame(Frame(7, std::vector<std::string>(kMaxFields + 1))).ok());
}

TEST_CASE("frame: truncated, overlong and overcounted packets are refused") {
  auto bytes = encode_frame(Frame(1, {"abc", "", "defg"}));
  REQUIRE(bytes.ok());
  for (size_t n = 0; n < bytes->size(); ++n)
    CHECK_FALSE(decode_frame(std::string_view(*bytes).substr(0, n)).ok());
  CHECK_FALSE(decode_frame(*bytes + "x").ok());
  CHECK_FALSE(decode_frame(std::string_view("\1\xff", 2)).ok());
  CHECK_FALSE(decode_frame(std::string_view("\1\1\xff\xff", 4)).ok());
  CHECK_FALSE(decode_frame(std::string(kMaxFrame + 1, '\0')).ok());
}

TEST_CASE("channel: frames and a descriptor go through; the end is told from a frame") {
  Pair p;
  Frame sent(3, {"hello"});
  sent.fd = OwnedFd(::open("/dev/null", O_RDONLY));
  struct stat a {
  }, b{};
  REQUIRE(::fstat(sent.fd.get(), &a) == 0);
  p.monitor.send(sent, soon());
  auto got = p.child.receive(soon());
  REQUIRE(got.has_value());
  CHECK(got->fields.front() == "hello");
  REQUIRE(::fstat(got->fd.get(), &b) == 0);
  CHECK(a.st_rdev == b.st_rdev);
  CHECK((::fcntl(got->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  p.child.close();
  CHECK_FALSE(p.monitor.receive(soon()).has_value());
  CHECK_THROWS_AS(p.monitor.send(Frame(1), soon()), ConnectionOver);
}

TEST_CASE("channel: silence, junk, oversized packets and two descriptors end the connection") {
  Pair p;
  CHECK_THROWS_AS(p.monitor.receive(Deadline::in_ms(1)), ConnectionOver);
  p.raw("x");
  CHECK_THROWS_AS(p.monitor.receive(soon()), ConnectionOver);
  p.raw(std::string(kMaxFrame + 1, '\0'));
  CHECK_THROWS_AS(p.monitor.receive(soon()), ConnectionOver);
  Pair q;
  char bytes[2] = {1, 0};
  iovec vector{bytes, 2};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int fds[2] = {0, 1};
  std::memcpy(CMSG_DATA(c), fds, sizeof fds);
  REQUIRE(::sendmsg(q.child.fd(), &message, 0) == 2);
  CHECK_THROWS_AS(q.monitor.receive(soon()), ConnectionOver);
}

namespace {

struct Toy {
  [[nodiscard]] uint32_t state() const { return state_; }
  [[nodiscard]] bool done() const { return state_ == 4; }
  void ask(Frame& frame) {
    seen += frame.fields[0];
    state_ = 2;
  }
  void finish(Frame&) { state_ = 4; }
  uint32_t state_ = 1;
  std::string seen;
};

constexpr Request<Toy> kToyRequests[] = {{1, "ask", 1 | 2, 1, &Toy::ask},
                                         {2, "finish", 2, 0, &Toy::finish}};

// The frames in order, then a hang-up.  What serve() gave, or nullopt when it threw.
std::optional<bool> run(std::vector<Frame> frames, Toy& toy) {
  Pair p;
  for (const Frame& f : frames) p.child.send(f, soon());
  p.child.close();
  try {
    return serve(toy, kToyRequests, p.monitor, soon());
  } catch (const ConnectionOver& over) {
    CHECK(over.why() == ConnectionOver::Why::ProtocolBroken);
    return std::nullopt;
  }
}

template <typename... F>
std::vector<Frame> list(F&&... frames) {
  std::vector<Frame> out;
  (out.push_back(std::move(frames)), ...);
  return out;
}

}  // namespace

TEST_CASE("request table: only what is permitted now, in its exact shape, is handled") {
  Toy toy;
  CHECK(run(list(Frame(1, {"a"}), Frame(1, {"b"}), Frame(2)), toy) == true);
  CHECK(toy.seen == "ab");
  Toy hangup;
  CHECK(run(list(Frame(1, {"a"})), hangup) == false);
  Toy early, fields, unknown, fd;
  CHECK(run(list(Frame(2)), early) == std::nullopt);
  CHECK(run(list(Frame(1)), fields) == std::nullopt);
  CHECK(run(list(Frame(1, {"a", "b"})), fields) == std::nullopt);
  CHECK(run(list(Frame(9)), unknown) == std::nullopt);
  Frame with_fd(1, {"a"});
  with_fd.fd = OwnedFd(::open("/dev/null", O_RDONLY));
  CHECK(run(list(std::move(with_fd)), fd) == std::nullopt);
  CHECK(fd.seen.empty());
}

}  // namespace dmail::privsep

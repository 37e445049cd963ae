#include "privsep/frame.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "base/wipe.h"
#include "io/connection_over.h"
#include "io/stream.h"

namespace dmail::privsep {
namespace {

using Why = ConnectionOver::Why;

Error bad(const char* what) {
  return Error{ErrorKind::BadInput, "Internal error", concat("frame: ", what)};
}

[[noreturn]] void over(Why why, const char* what) { throw ConnectionOver(why, what); }

// Descriptors of a control message; more than one is more than anybody here sends.
std::vector<OwnedFd> descriptors_of(msghdr& message) {
  std::vector<OwnedFd> out;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      out.emplace_back(fd);
    }
  }
  return out;
}

}  // namespace

Frame::~Frame() {
  for (std::string& field : fields) wipe(field);
}

Result<std::string> encode_frame(const Frame& frame) {
  size_t size = 2;
  for (const std::string& field : frame.fields) size += 2 + field.size();
  if (size > kMaxFrame || frame.fields.size() > kMaxFields)
    return Error{ErrorKind::Limit, "Internal error", "frame: too large"};
  std::string out;
  out.reserve(size);
  out += static_cast<char>(frame.type);
  out += static_cast<char>(frame.fields.size());
  for (const std::string& field : frame.fields) {
    out += static_cast<char>(field.size() & 0xff);
    out += static_cast<char>(field.size() >> 8);
    out += field;
  }
  return out;
}

Result<Frame> decode_frame(std::string_view packet) {
  if (packet.size() > kMaxFrame) return bad("too long");
  if (packet.size() < 2) return bad("too short");
  auto byte = [&](size_t i) { return static_cast<unsigned char>(packet[i]); };
  Frame frame(byte(0));
  const size_t count = byte(1);
  if (count > kMaxFields) return bad("too many fields");
  packet.remove_prefix(2);
  frame.fields.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (packet.size() < 2) return bad("cut short");
    const size_t size = byte(0) | static_cast<size_t>(byte(1)) << 8;
    packet.remove_prefix(2);
    if (packet.size() < size) return bad("a field is cut short");
    frame.fields.emplace_back(packet.substr(0, size));
    packet.remove_prefix(size);
  }
  if (!packet.empty()) return bad("bytes left over");
  return frame;
}

Result<std::pair<Channel, OwnedFd>> Channel::make() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("socketpair", errno);
  return std::pair<Channel, OwnedFd>(Channel(OwnedFd(ends[0])), OwnedFd(ends[1]));
}

void Channel::send(const Frame& frame, Deadline deadline) {
  auto packet = encode_frame(frame);
  if (!packet) over(Why::ProtocolBroken, "a frame would be too large");
  std::string& bytes = *packet;
  iovec vector{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (frame.fd.valid()) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = frame.fd.get();
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  for (;;) {
    // The jail has no sendmsg: the child passes no descriptors.
    const ssize_t n = frame.fd.valid() ? ::sendmsg(socket_.get(), &message, kFlags)
                                       : ::send(socket_.get(), bytes.data(), bytes.size(), kFlags);
    if (n >= 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      wipe(bytes);
      over(Why::PeerClosed, "the other side of the privilege boundary is gone");
    }
    if (!wait_writable(socket_.get(), deadline)) {
      wipe(bytes);
      over(Why::Timeout, "the other side of the privilege boundary takes nothing");
    }
  }
  wipe(bytes);
}

std::optional<Frame> Channel::receive(Deadline deadline) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  for (;;) {
    if (!wait_readable(socket_.get(), deadline)) over(Why::Timeout, "no answer over the boundary");
    // The size first: a buffer for the largest frame would make ten pages of stack ours for good.
    char none = 0;
    const ssize_t size = ::recv(socket_.get(), &none, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0 && errno != ECONNRESET) over(Why::ProtocolBroken, std::strerror(errno));
    if (size <= 0) return std::nullopt;
    if (static_cast<size_t>(size) > kMaxFrame) over(Why::ProtocolBroken, "an oversized frame");
    std::string packet(static_cast<size_t>(size), '\0');
    iovec vector{packet.data(), packet.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_LEN(sizeof(int));  // room for one descriptor, not for two
    const ssize_t n = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0) over(Why::ProtocolBroken, std::strerror(errno));
    std::vector<OwnedFd> fds = descriptors_of(message);
    if (n != size || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || fds.size() > 1)
      over(Why::ProtocolBroken, "a packet that is no frame");
    auto frame = decode_frame(packet);
    wipe(packet);
    if (!frame) throw ConnectionOver(Why::ProtocolBroken, frame.error().log);
    if (!fds.empty()) frame->fd = std::move(fds.front());
    return std::optional<Frame>(std::move(*frame));
  }
}

}  // namespace dmail::privsep

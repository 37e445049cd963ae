// Messages between the root monitor and its jailed child: whole frames on a SOCK_SEQPACKET socket.
//
// A frame is one packet: type (1 byte), number of fields (1), then each field as a length (2 bytes,
// low first) and its bytes; nothing may be left over.  At most one descriptor travels with it.
// Decoding is strict and bounded; what does not fit is an Error, and the connection is over.
// Neither side trusts the other further: the monitor takes a request only as its request table
// (request_table.h) permits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/clock.h"
#include "io/owned_fd.h"

namespace dmail::privsep {

inline constexpr int kMonitorFd = 5;            // the child's end of the socket
inline constexpr size_t kMaxFrame = 40 * 1024;  // holds a full read-ahead of a LineReader
inline constexpr size_t kMaxFields = 64;

struct Frame {
  Frame() = default;
  explicit Frame(uint8_t t) : type(t) {}
  Frame(uint8_t t, std::vector<std::string> f) : type(t), fields(std::move(f)) {}
  Frame(Frame&&) = default;
  Frame& operator=(Frame&&) = default;
  ~Frame();  // wipes the fields: they may hold a password

  uint8_t type = 0;
  std::vector<std::string> fields;
  OwnedFd fd;  // passed with the frame, or invalid
};

// The packet's bytes.  Limit when it would exceed kMaxFrame, kMaxFields or 65535 bytes a field.
Result<std::string> encode_frame(const Frame& frame);
Result<Frame> decode_frame(std::string_view packet);

// One end of the socket.  Owns its descriptor.
class Channel {
 public:
  Channel() = default;
  explicit Channel(OwnedFd socket) : socket_(std::move(socket)) {}
  // The monitor's end, and the descriptor for the child.  Both are close-on-exec.
  static Result<std::pair<Channel, OwnedFd>> make();

  // Throws ConnectionOver when the other end is gone or takes nothing until the deadline.
  void send(const Frame& frame, Deadline deadline);
  // The next frame; nullopt when the other end is closed.  Throws ConnectionOver: Timeout, and
  // ProtocolBroken for a packet that is no frame.
  std::optional<Frame> receive(Deadline deadline);

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool open() const { return socket_.valid(); }
  void close() { socket_.reset(); }

 private:
  OwnedFd socket_;
};

}  // namespace dmail::privsep

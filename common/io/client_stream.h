// A session's connection to its client, watched for SIGTERM and hang-up while the session waits.
//
// SIGTERM stays blocked except inside these waits, so that a command that runs is finished and
// answered first; then Terminated is thrown and the session ends.  Who sends it is not known: an
// administrator who ends one session, or the host that shuts down.
#pragma once

#include "io/clock.h"
#include "io/stream.h"

namespace dmail {

struct Terminated {};
inline constexpr char kTerminatedText[] = "This session was ended by the server";

enum class Event { Input, Watch, Timeout };

// Waits until `client` or `watch` (-1: none) is readable.  Throws Terminated after SIGTERM.
Event wait_event(int client, int watch, Deadline deadline);

// Blocks SIGTERM and SIGINT but for wait_event; SIGPIPE is ignored.  Call once, in main.
void prepare_signals();

class ClientStream : public FdStream {
 public:
  ClientStream(int in, int out) : FdStream(in, out) {}
  size_t read(std::span<char> into, Deadline deadline) override {
    if (wait_event(read_fd(), -1, deadline) == Event::Timeout) deadline = Deadline::in_ms(0);
    return FdStream::read(into, deadline);
  }
};

}  // namespace dmail

// Which request a monitor takes from its jailed child, and when.  A monitor keeps its state as one
// bit of an enum, lists its requests in a constexpr array, and lets serve() run the one loop in
// which untrusted frames are looked at.  Anything that the table does not permit throws
// ConnectionOver (ProtocolBroken): the monitor logs it and exits.
//
//   constexpr Request<MyMonitor> kRequests[] = {
//     {kAuthenticate, "authenticate", kBeforeLogin, 3, &MyMonitor::on_authenticate}, ...
//   };
//   serve(monitor, kRequests, channel, deadline);   // until monitor.done() or the child hangs up
#pragma once

#include <cstdint>
#include <span>

#include "base/text.h"
#include "io/connection_over.h"
#include "privsep/frame.h"

namespace dmail::privsep {

template <typename Monitor>
struct Request {
  uint8_t type;
  const char* name;
  uint32_t states;  // bits: the monitor's states in which it is permitted
  size_t fields;    // exactly so many
  void (Monitor::*handle)(Frame& frame);
};

// Monitor: `uint32_t state() const` (one bit), `bool done() const`.  False when the child closed
// the socket before done().  No request carries a descriptor.
template <typename Monitor>
bool serve_one(Monitor& monitor, std::span<const Request<Monitor>> table, Channel& channel,
               Deadline deadline) {
  auto frame = channel.receive(deadline);
  if (!frame) return false;
  auto broken = [&](const char* what, const char* name) {
    throw ConnectionOver(ConnectionOver::Why::ProtocolBroken,
                         concat(what, " from the jailed process: ", name, " (type ", frame->type,
                                ", state ", monitor.state(), ")"));
  };
  for (const Request<Monitor>& request : table) {
    if (request.type != frame->type) continue;
    if ((request.states & monitor.state()) == 0) broken("request out of turn", request.name);
    if (frame->fields.size() != request.fields || frame->fd.valid())
      broken("misshapen request", request.name);
    (monitor.*request.handle)(*frame);
    return true;
  }
  broken("unknown request", "?");
  return false;
}

template <typename Monitor, size_t N>
bool serve(Monitor& monitor, const Request<Monitor> (&table)[N], Channel& channel,
           Deadline deadline) {
  while (!monitor.done())
    if (!serve_one(monitor, std::span<const Request<Monitor>>(table), channel, deadline))
      return false;
  return true;
}

}  // namespace dmail::privsep

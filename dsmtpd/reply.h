// Replies: code, enhanced code and lines stay apart until the one place that prints them.
// RFC 5321 section 4.2, RFC 2034 (enhanced codes), RFC 2920 (replies leave together).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/byte_sink.h"

namespace dmail::dsmtpd {

struct Reply {
  int code = 250;                  // 0: nothing is sent
  std::string enhanced = {};       // "2.1.0"; empty: none
  std::vector<std::string> lines;  // at least one; bytes that no reply may hold become '?'
};

// What a command came to; the session prints it and does what it says.
enum class Next { Continue, Close, CloseSilently };

struct Outcome {
  Reply reply;
  Next next = Next::Continue;
  bool logged = false;      // the monitor made the reply, and has logged it
  bool taken = false;       // a message lies with a recipient: errors are counted anew
  std::vector<Reply> more;  // LMTP: the answers of the second and later recipients
};

Outcome done(int code, std::string_view enhanced, std::string text);
Outcome closing(int code, std::string_view enhanced, std::string text);

// "250-2.1.0 text CRLF" and so on; the only writer to the peer.
class ReplyWriter {
 public:
  explicit ReplyWriter(BufferedWriter& out) : out_(&out) {}
  void send(const Reply& reply);
  void flush() { out_->flush(); }
  void set_stream(Stream& stream) { out_->set_stream(stream); }

 private:
  BufferedWriter* out_;
};

}  // namespace dmail::dsmtpd

// The only writer of a session.  Everything goes through one buffer that leaves in large writes:
// when it is full, and before the session waits for input.
//
// Handlers write untagged data; the tagged line is session.cc's.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "imapd/outcome.h"
#include "io/byte_sink.h"

namespace dmail::imapd {

// quoted when it can be, else a literal (RFC 3501 section 4.3).
void append_string(std::string& out, std::string_view s);
// An atom when it can be, else a string.
void append_astring(std::string& out, std::string_view s);
// `s` as resp-text: what isn't printable ASCII is replaced.
void append_text(std::string& out, std::string_view s);

class Reply {
 public:
  explicit Reply(BufferedWriter& out) : out_(&out) {}

  template <typename... Parts>
  void untagged(const Parts&... parts) {
    std::string& b = out_->buffer();
    b += "* ";
    (append(b, parts), ...);
    b += "\r\n";
    out_->flush_if_full();
  }
  void tagged(std::string_view tag, std::string_view command, const Outcome& outcome);
  void continuation(std::string_view text);

  // For code that formats in place; call flush_if_full() after each response.
  std::string& buffer() { return out_->buffer(); }
  void flush_if_full() { out_->flush_if_full(); }
  BufferedWriter& writer() { return *out_; }
  void flush() { out_->flush(); }
  void release_memory();

 private:
  BufferedWriter* out_;
};

}  // namespace dmail::imapd

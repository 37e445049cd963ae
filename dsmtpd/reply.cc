#include "dsmtpd/reply.h"

#include <cassert>
#include <utility>

#include "base/ascii.h"
#include "base/text.h"
#include "dsmtpd/limits.h"

namespace dmail::dsmtpd {
namespace {

void append_text(std::string& out, std::string_view text) {
  for (const char c : text.substr(0, kMaxReplyText)) out += is_control(c) || is_8bit(c) ? '?' : c;
}

}  // namespace

Outcome done(int code, std::string_view enhanced, std::string text) {
  Outcome outcome;
  outcome.reply.code = code;
  outcome.reply.enhanced = enhanced;
  outcome.reply.lines.push_back(std::move(text));
  return outcome;
}

Outcome closing(int code, std::string_view enhanced, std::string text) {
  Outcome outcome = done(code, enhanced, std::move(text));
  outcome.next = Next::Close;
  return outcome;
}

void ReplyWriter::send(const Reply& reply) {
  if (reply.code == 0) return;
  assert(reply.code >= 200 && reply.code <= 599 && !reply.lines.empty());
  std::string& out = out_->buffer();
  for (size_t i = 0; i < reply.lines.size(); ++i) {
    append(out, reply.code);
    out += i + 1 == reply.lines.size() ? ' ' : '-';
    if (!reply.enhanced.empty()) {
      out += reply.enhanced;
      out += ' ';
    }
    append_text(out, reply.lines[i]);
    out += "\r\n";
  }
  out_->flush_if_full();
}

}  // namespace dmail::dsmtpd

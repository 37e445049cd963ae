#include "tools/proxy/lmtp_send.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/connection_over.h"
#include "tools/proxy/pop_login.h"

namespace dmail::proxy {
namespace {

using privsep::RemoteJob;
using privsep::RemoteTls;

constexpr int kFinalSeconds = 600;  // from the end of data to the last answer (RFC 5321 4.5.3.2)
constexpr int kDataSeconds = 180;   // for a block of data
constexpr int kQuitSeconds = 2;
constexpr size_t kBlock = 32 * 1024;
constexpr size_t kMaxReplyText = 400;
constexpr size_t kGroup = 50;  // commands sent before their answers are read

// "2.1.5" at the start of `text`, when it fits the code.
std::string take_enhanced(std::string_view& text, int code) {
  const std::string_view word = text.substr(0, text.find(' '));
  const auto parts = split(word, '.');
  if (parts.size() != 3 || parts[0].size() != 1 || parts[0][0] - '0' != code / 100) return {};
  for (const std::string_view part : parts)
    if (!parse_u32(part, 999)) return {};
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return std::string(word);
}

class LmtpSend {
 public:
  LmtpSend(Backend& backend, const RemoteJob& job, const std::vector<std::string>& recipients,
           const LmtpMessage& message)
      : backend_(backend),
        job_(job),
        recipients_(recipients),
        message_(message),
        replies_(recipients.size()),
        given_(recipients.size(), false) {}

  std::string run(const std::function<void(const LmtpReply&)>& answer) {
    Status done;
    try {
      done = send();
    } catch (const ConnectionOver& over) {
      done = Error{ErrorKind::TryLater, "", over.what()};
    }
    for (size_t i = 0; i < replies_.size(); ++i)
      answer(given_[i] ? replies_[i]
                       : LmtpReply{451, "4.4.2", "The server of this mailbox cannot be reached"});
    return done ? std::string() : done.error().log;
  }

 private:
  void step() { backend_.set_deadline(Deadline::in_seconds(job_.timeout_s)); }
  void give(size_t i, LmtpReply reply) {
    replies_[i] = std::move(reply);
    given_[i] = true;
  }

  // All lines of one reply; `lines` gets their texts.
  Result<LmtpReply> reply(std::vector<std::string>* lines = nullptr) {
    LmtpReply out;
    for (int count = 0; count < kMaxBackendLines; ++count) {
      auto line = backend_.line();
      if (!line) return std::move(line.error());
      const auto code = parse_u32(std::string_view(*line).substr(0, 3), 599);
      const char mark = line->size() > 3 ? (*line)[3] : ' ';
      if (!code || *code < 200 || (mark != ' ' && mark != '-'))
        return odd_answer("not an answer of LMTP", *line);
      std::string_view text = std::string_view(*line).substr(std::min<size_t>(4, line->size()));
      if (lines != nullptr) lines->emplace_back(text);
      if (count == 0) {
        out.code = static_cast<int>(*code);
        out.enhanced = take_enhanced(text, out.code);
        out.text = text.substr(0, kMaxReplyText);
        for (char& c : out.text)
          if (is_control(c) || is_8bit(c)) c = '?';
      }
      if (static_cast<int>(*code) != out.code) return odd_answer("two codes in an answer", *line);
      if (mark == ' ') return out;
    }
    return odd_answer("too many lines", "");
  }

  Status expect(std::string_view what, int code) {
    auto said = reply();
    if (!said) return std::move(said.error());
    if (said->code != code) return refused_there(what, concat(said->code, ' ', said->text));
    return {};
  }

  Status hello() {
    step();
    backend_.say(concat("LHLO ", job_.our_name, "\r\n"));
    extensions_.clear();
    auto said = reply(&extensions_);
    if (!said) return std::move(said.error());
    if (said->code != 250) return refused_there("LHLO", said->text);
    return {};
  }

  // The extension's parameters, with a blank before each; nullopt when it isn't offered.
  [[nodiscard]] std::optional<std::string> extension(std::string_view name) const {
    for (const std::string& line : extensions_) {
      if (!istarts_with(line, name)) continue;
      if (line.size() == name.size()) return std::string();
      if (line[name.size()] == ' ') return upper(line.substr(name.size()));
    }
    return std::nullopt;
  }

  Status open() {
    step();
    if (job_.tls == RemoteTls::Implicit) DMAIL_TRY(backend_.start_tls());
    DMAIL_TRY(expect("greeting", 220));
    DMAIL_TRY(hello());
    if (job_.tls == RemoteTls::Start) {
      backend_.say("STARTTLS\r\n");
      DMAIL_TRY(expect("STARTTLS", 220));
      DMAIL_TRY(backend_.start_tls());
      DMAIL_TRY(hello());
    }
    const auto known = extension("XCLIENT");
    // A server of our kind takes at least this from anybody; others may not know the command.
    if (!known) return pass_hop();
    auto knows = [&](std::string_view word) { return known->find(word) != known->npos; };
    const std::string attributes = xclient_attributes(job_, knows(" SESSION"), knows(" TTL"), true);
    if (attributes.empty()) return {};
    backend_.say(concat("XCLIENT", attributes, "\r\n"));
    DMAIL_TRY(expect("XCLIENT", 220));
    return hello();
  }

  Status pass_hop() {
    backend_.say("XCLIENT TTL=1\r\n");
    auto said = reply();
    if (!said) return std::move(said.error());
    return said->code == 220 ? hello() : Status();
  }

  Status send() {
    DMAIL_TRY(open());
    DMAIL_TRY(envelope());
    if (std::all_of(given_.begin(), given_.end(), [](bool b) { return b; })) return quit();
    DMAIL_TRY(data());
    return quit();
  }

  Status envelope() {
    step();
    std::string mail = concat("MAIL FROM:<", is_plain_path(job_.sender) ? job_.sender : "", ">");
    if (extension("SIZE")) mail += concat(" SIZE=", message_.size + message_.trace.size());
    if (extension("8BITMIME")) mail += " BODY=8BITMIME";
    backend_.say(mail + "\r\n");
    auto said = reply();
    if (!said) return std::move(said.error());
    if (said->code / 100 != 2) {
      for (size_t i = 0; i < recipients_.size(); ++i) give(i, refusal(*said));
      return {};
    }
    const size_t group = extension("PIPELINING") ? kGroup : 1;
    for (size_t i = 0; i < recipients_.size(); i += group)
      DMAIL_TRY(name_recipients(i, std::min(recipients_.size(), i + group)));
    return {};
  }

  Status name_recipients(size_t first, size_t end) {
    step();
    std::string commands;
    for (size_t i = first; i < end; ++i)
      if (is_plain_path(recipients_[i]) && !recipients_[i].empty())
        commands += concat("RCPT TO:<", recipients_[i], ">\r\n");
      else
        give(i, {550, "5.1.3", "This address cannot be passed on"});
    backend_.say(commands);
    for (size_t i = first; i < end; ++i) {
      if (given_[i]) continue;
      auto said = reply();
      if (!said) return std::move(said.error());
      if (said->code / 100 != 2) give(i, refusal(*said));
    }
    return {};
  }

  // An answer that refuses; anything else out of place is a fault that may pass.
  static LmtpReply refusal(LmtpReply said) {
    if (said.code < 400) return {451, "4.3.0", "An odd answer of the server of this mailbox"};
    return said;
  }

  Status data() {
    step();
    backend_.say("DATA\r\n");
    auto said = reply();
    if (!said) return std::move(said.error());
    if (said->code != 354) {
      for (size_t i = 0; i < recipients_.size(); ++i)
        if (!given_[i]) give(i, refusal(*said));
      return {};
    }
    DMAIL_TRY(send_message());
    backend_.set_deadline(Deadline::in_seconds(kFinalSeconds));
    for (size_t i = 0; i < recipients_.size(); ++i) {
      if (given_[i]) continue;
      auto final = reply();
      if (!final) return std::move(final.error());
      give(i, final->code / 100 == 2 ? std::move(*final) : refusal(std::move(*final)));
    }
    return {};
  }

  Status send_message() {
    DotStuffer stuffer;
    std::string out, block(kBlock, '\0');
    stuffer.add(message_.trace, out);
    for (;;) {
      auto n = message_.read(block);
      // Without the last dot the other side throws away what it has.
      if (!n) return std::move(n.error());
      if (*n == 0) break;
      stuffer.add(std::string_view(block).substr(0, *n), out);
      backend_.set_deadline(Deadline::in_seconds(kDataSeconds));
      backend_.say(out);
      out.clear();
    }
    stuffer.end(out);
    backend_.say(out);
    return {};
  }

  // The answers are known; whether the other side says goodbye doesn't matter.
  Status quit() {
    try {
      backend_.set_deadline(Deadline::in_seconds(kQuitSeconds));
      backend_.say("QUIT\r\n");
    } catch (const ConnectionOver&) {
      return {};
    }
    return {};
  }

  Backend& backend_;
  const RemoteJob& job_;
  const std::vector<std::string>& recipients_;
  const LmtpMessage& message_;
  std::vector<std::string> extensions_;
  std::vector<LmtpReply> replies_;
  std::vector<bool> given_;
};

}  // namespace

void DotStuffer::add(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    if (line_start_ && c == '.') out += '.';
    out += c;
    ended_ = cr_ && c == '\n';
    cr_ = c == '\r';
    line_start_ = cr_ || c == '\n';
  }
}

void DotStuffer::end(std::string& out) const { out += ended_ ? ".\r\n" : "\r\n.\r\n"; }

bool is_plain_path(std::string_view address) {
  bool quoted = false;
  for (size_t i = 0; i < address.size(); ++i) {
    const char c = address[i];
    if (c == '<' || c == '>' || (!is_graph(c) && !(c == ' ' && quoted))) return false;
    if (c == '"') quoted = !quoted;
    if (c != '\\' || !quoted) continue;
    // What it takes the meaning from comes with it.
    if (++i == address.size() || (!is_graph(address[i]) && address[i] != ' ')) return false;
    if (address[i] == '<' || address[i] == '>') return false;
  }
  return !quoted;
}

std::string lmtp_send(Backend& backend, const RemoteJob& job,
                      const std::vector<std::string>& recipients, const LmtpMessage& message,
                      const std::function<void(const LmtpReply&)>& answer) {
  return LmtpSend(backend, job, recipients, message).run(answer);
}

}  // namespace dmail::proxy

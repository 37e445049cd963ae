#include "tools/proxy/imap_login.h"

#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::proxy {
namespace {

using privsep::RemoteJob;
using privsep::RemoteTls;

constexpr size_t kMaxSkipped = 8192;     // a literal in an answer we have no use for
constexpr size_t kMaxForwarded = 16384;  // untagged lines that the client gets with its OK

class ImapLogin {
 public:
  ImapLogin(Backend& backend, const RemoteJob& job) : backend_(backend), job_(job) {}
  Result<std::string> run();

 private:
  // What a command came to: the tagged line behind the tag, and the untagged ones before it.
  struct Answer {
    std::string status;  // "OK ..." "NO ..." "BAD ..."
    std::string untagged;
  };
  Status greeting();
  Status secure();
  Status know_capabilities();
  Result<Answer> answer(std::string_view tag);
  Result<std::string> whole_line();
  Status log_in();
  Status authenticate_plain();
  Status say_login();
  Result<Answer> answer_or_challenge(std::string_view tag, bool& challenged);
  Status take_login(Result<Answer> answer, std::string_view command);
  void take_capabilities(std::string_view text);
  [[nodiscard]] bool can(std::string_view name) const;
  [[nodiscard]] std::string id_command() const;

  Backend& backend_;
  const RemoteJob& job_;
  std::string capabilities_;  // of the server as it is now, blanks at both ends; empty: not known
  std::string to_client_;
};

// The words behind "CAPABILITY " in "... [CAPABILITY a b] text" or "CAPABILITY a b".
std::string_view capabilities_in(std::string_view text, bool code) {
  constexpr std::string_view kWord = "CAPABILITY ";
  if (!code) return istarts_with(text, kWord) ? text.substr(kWord.size()) : std::string_view();
  const size_t open = text.find('[');
  if (open == text.npos || !istarts_with(text.substr(open + 1), kWord)) return {};
  text.remove_prefix(open + 1 + kWord.size());
  const size_t close = text.find(']');
  return close == text.npos ? std::string_view() : text.substr(0, close);
}

// "{N}" or "{N+}" at the end of a line.
std::optional<uint64_t> literal_size(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  line.remove_suffix(1);
  if (line.ends_with('+')) line.remove_suffix(1);
  const size_t brace = line.rfind('{');
  return brace == line.npos ? std::nullopt : parse_u64(line.substr(brace + 1), 1u << 30);
}

void ImapLogin::take_capabilities(std::string_view text) {
  if (!text.empty()) capabilities_ = concat(' ', upper(text), ' ');
}

bool ImapLogin::can(std::string_view name) const {
  return capabilities_.find(concat(' ', name, ' ')) != std::string::npos;
}

// A line, and when it announces a literal, what follows, too, up to its real end: of such an answer
// only the beginning is looked at.
Result<std::string> ImapLogin::whole_line() {
  auto first = backend_.line();
  if (!first) return first;
  auto size = literal_size(*first);
  for (size_t skipped = 0; size;) {
    skipped += *size + kMaxBackendLine / 16;
    if (skipped > kMaxSkipped)
      return Error{ErrorKind::Limit, "", "an answer with literals is too long"};
    for (uint64_t left = *size; left > 0;) {
      const std::string_view piece = backend_.reader().read_some(left, backend_.deadline());
      if (piece.empty()) return odd_answer("the server hung up in a literal", *first);
      left -= piece.size();
    }
    auto next = backend_.line();
    if (!next) return next;
    size = literal_size(*next);
  }
  return first;
}

Result<ImapLogin::Answer> ImapLogin::answer_or_challenge(std::string_view tag, bool& challenged) {
  Answer out;
  challenged = false;
  for (int lines = 0; lines < kMaxBackendLines; ++lines) {
    auto line = whole_line();
    if (!line) return std::move(line.error());
    if (line->starts_with('+')) {
      challenged = true;
      return out;
    }
    if (line->starts_with("* ")) {
      const std::string_view text = std::string_view(*line).substr(2);
      if (istarts_with(text, "BYE")) return odd_answer("the server ends", *line);
      take_capabilities(capabilities_in(text, false));
      const bool plain = !literal_size(*line) && line->find('\r') == line->npos;
      if (plain && !istarts_with(text, "CAPABILITY") && !istarts_with(text, "ID") &&
          out.untagged.size() + line->size() < kMaxForwarded)
        out.untagged += concat(*line, "\r\n");
      continue;
    }
    if (!line->starts_with(tag) || line->substr(tag.size(), 1) != " ")
      return odd_answer("not an answer of IMAP", *line);
    out.status = line->substr(tag.size() + 1);
    take_capabilities(capabilities_in(out.status, true));
    return out;
  }
  return odd_answer("too many lines", tag);
}

Result<ImapLogin::Answer> ImapLogin::answer(std::string_view tag) {
  bool challenged = false;
  auto out = answer_or_challenge(tag, challenged);
  if (out && challenged) return odd_answer("an unasked continuation", tag);
  return out;
}

Status ImapLogin::greeting() {
  auto line = whole_line();
  if (!line) return std::move(line.error());
  if (!istarts_with(*line, "* OK")) return odd_answer("greeting", *line);
  take_capabilities(capabilities_in(*line, true));
  return {};
}

Status ImapLogin::secure() {
  backend_.say("P1 STARTTLS\r\n");
  auto said = answer("P1");
  if (!said) return std::move(said.error());
  if (!istarts_with(said->status, "OK")) return refused_there("STARTTLS", said->status);
  DMAIL_TRY(backend_.start_tls());
  capabilities_.clear();  // said in the clear: worth nothing now
  return {};
}

Status ImapLogin::know_capabilities() {
  if (!capabilities_.empty()) return {};
  backend_.say("P2 CAPABILITY\r\n");
  auto said = answer("P2");
  if (!said) return std::move(said.error());
  if (!istarts_with(said->status, "OK") || capabilities_.empty())
    return odd_answer("CAPABILITY", said->status);
  return {};
}

std::string ImapLogin::id_command() const {
  std::string out = "P3 ID (";
  auto pair = [&](std::string_view name, std::string_view value) {
    const std::string text = imap_quoted(value);
    if (value.empty() || text.empty()) return;
    append(out, concat(out.back() == '(' ? "" : " ", '"', name, "\" ", text));
  };
  pair("x-session-id", job_.session_id);
  pair("x-originating-ip", job_.client_ip);
  pair("x-originating-port", job_.client_port);
  pair("x-connected-ip", job_.local_ip);
  pair("x-connected-port", job_.local_port);
  pair("x-proxy-ttl", "1");
  return out + ")\r\n";
}

Status ImapLogin::take_login(Result<Answer> said, std::string_view command) {
  if (!said) return std::move(said.error());
  if (!istarts_with(said->status, "OK")) return refused_there(command, said->status);
  to_client_ = std::move(said->untagged);
  std::string_view text = said->status;
  text.remove_prefix(2);
  if (capabilities_in(text, true).empty()) {
    // Our client knows what we can do; it must learn what this server can.
    if (capabilities_.empty()) {
      backend_.say("P5 CAPABILITY\r\n");
      auto more = answer("P5");
      if (!more) return std::move(more.error());
    }
    const std::string_view words = trim(capabilities_);
    // Another response code stands in the way of ours; then the list goes before the line.
    if (!words.empty() && text.starts_with(" ["))
      to_client_ += concat("* CAPABILITY ", words, "\r\n");
    else if (!words.empty())
      text = said->status = concat(" [CAPABILITY ", words, ']', text);
  }
  to_client_ += concat(job_.tag, " OK", text, "\r\n");
  return {};
}

Status ImapLogin::authenticate_plain() {
  std::string response = plain_response(job_.user, job_.master, job_.password);
  const bool at_once = can("SASL-IR");
  const bool id = can("ID");
  capabilities_.clear();  // those after the login count
  std::string command = id ? id_command() : "";
  append(command, "P4 AUTHENTICATE PLAIN");
  if (at_once) append(command, concat(' ', response));
  command += "\r\n";
  backend_.say(command);
  wipe(command);
  if (id)
    if (auto said = answer("P3"); !said) return std::move(said.error());
  if (!at_once) {
    bool challenged = false;
    auto said = answer_or_challenge("P4", challenged);
    if (!said) return std::move(said.error());
    if (!challenged) return refused_there("AUTHENTICATE", said->status);
    response += "\r\n";
    backend_.say(response);
  }
  wipe(response);
  return take_login(answer("P4"), "AUTHENTICATE");
}

// Where the server has no AUTH=PLAIN.  What cannot be quoted goes as a literal.
Status ImapLogin::say_login() {
  const bool id = can("ID");
  capabilities_.clear();
  if (id) {
    backend_.say(id_command());
    if (auto said = answer("P3"); !said) return std::move(said.error());
  }
  std::string command = "P4 LOGIN";
  for (const std::string* value : {&job_.user, &job_.password}) {
    std::string quoted = imap_quoted(*value);
    if (!quoted.empty()) {
      command += ' ';
      command += quoted;
      wipe(quoted);
      continue;
    }
    command += concat(" {", value->size(), "}\r\n");
    backend_.say(command);
    wipe(command);
    bool challenged = false;
    auto said = answer_or_challenge("P4", challenged);
    if (!said) return std::move(said.error());
    if (!challenged) return refused_there("LOGIN", said->status);
    command = *value;
  }
  command += "\r\n";
  backend_.say(command);
  wipe(command);
  return take_login(answer("P4"), "LOGIN");
}

Status ImapLogin::log_in() {
  if (can("AUTH=PLAIN")) return authenticate_plain();
  if (!job_.master.empty()) return odd_answer("no AUTH=PLAIN for the proxy account", capabilities_);
  if (can("LOGINDISABLED")) return odd_answer("no way to log in", capabilities_);
  return say_login();
}

Result<std::string> ImapLogin::run() {
  DMAIL_TRY(greeting());
  if (job_.tls == RemoteTls::Start) DMAIL_TRY(secure());
  DMAIL_TRY(know_capabilities());
  DMAIL_TRY(log_in());
  return std::move(to_client_);
}

}  // namespace

std::string imap_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (is_control(c) || is_8bit(c)) return {};
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Result<std::string> imap_login(Backend& backend, const RemoteJob& job) {
  return ImapLogin(backend, job).run();
}

}  // namespace dmail::proxy

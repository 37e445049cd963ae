#include "tools/proxy/pop_login.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::proxy {
namespace {

using privsep::RemoteJob;
using privsep::RemoteTls;

std::string xtext(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (is_graph(c) && c != '+' && c != '=') {
      out += c;
    } else {
      out += '+';
      std::string digits;
      append_hex(digits, static_cast<unsigned char>(c), 2);
      out += upper(digits);
    }
  }
  return out;
}

class PopLogin {
 public:
  PopLogin(Backend& backend, const RemoteJob& job) : backend_(backend), job_(job) {}

  Result<std::string> run() {
    auto banner = good("banner");
    if (!banner) return banner;
    const bool xclient = banner->find("[XCLIENT]") != std::string::npos;
    if (job_.tls == RemoteTls::Start) {
      backend_.say("STLS\r\n");
      if (auto said = good("STLS"); !said) return said;
      DMAIL_TRY(backend_.start_tls());
    }
    if (xclient) {
      backend_.say(concat("XCLIENT", xclient_attributes(job_, true, true, false), "\r\n"));
      if (auto said = good("XCLIENT"); !said) return said;
    } else {
      // A server of our kind takes at least this from anybody; others may not know the command.
      backend_.say("XCLIENT TTL=1\r\n");
      if (auto line = backend_.line(); !line) return line;
    }
    return job_.master.empty() ? user_and_pass() : auth_plain();
  }

 private:
  // The next line, which must be +OK.
  Result<std::string> good(std::string_view what) {
    auto line = backend_.line();
    if (!line) return line;
    if (is_ok(*line)) return line;
    if (istarts_with(*line, "-ERR")) return refused_there(what, *line);
    return odd_answer(what, *line);
  }
  static bool is_ok(std::string_view line) {
    return istarts_with(line, "+OK") && (line.size() == 3 || line[3] == ' ');
  }

  Result<std::string> user_and_pass() {
    for (const std::string* text : {&job_.user, &job_.password})
      if (text->find_first_of(std::string_view("\r\n\0", 3)) != text->npos)
        return odd_answer("name or password cannot be sent", "");
    backend_.say(concat("USER ", job_.user, "\r\n"));
    if (auto said = good("USER"); !said) return said;
    std::string command = concat("PASS ", job_.password, "\r\n");
    backend_.say(command);
    wipe(command);
    return welcome(good("PASS"));
  }

  Result<std::string> auth_plain() {
    backend_.say("AUTH PLAIN\r\n");
    auto line = backend_.line();
    if (!line) return line;
    if (!line->starts_with('+') || is_ok(*line)) return refused_there("AUTH", *line);
    std::string response = plain_response(job_.user, job_.master, job_.password);
    response += "\r\n";
    backend_.say(response);
    wipe(response);
    return welcome(good("AUTH"));
  }

  static Result<std::string> welcome(Result<std::string> line) {
    if (line) *line += "\r\n";
    return line;
  }

  Backend& backend_;
  const RemoteJob& job_;
};

}  // namespace

std::string xclient_attributes(const RemoteJob& job, bool session, bool ttl, bool smtp) {
  std::string out;
  auto attribute = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) append(out, concat(' ', name, '=', xtext(value)));
  };
  const bool v6 = smtp && job.client_ip.find(':') != std::string::npos;
  attribute("ADDR", v6 ? concat("IPV6:", job.client_ip) : job.client_ip);
  attribute("PORT", job.client_port);
  if (session) attribute("SESSION", job.session_id);
  if (ttl) attribute("TTL", "1");
  return out;
}

Result<std::string> pop_login(Backend& backend, const RemoteJob& job) {
  return PopLogin(backend, job).run();
}

}  // namespace dmail::proxy

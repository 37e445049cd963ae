#include "privsep/session_start.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "io/owned_fd.h"

// The text, one fact a line, in any order but for the first and the last:
//
//   dmail-start 1
//   service imap
//   user joe
//   ...
//   set imapd_timeout 1800
//   pending 12
//   <exactly 12 bytes, then nothing>
//
// Values are escaped: a control byte or '%' is %XX, so a value never holds a line end.

namespace dmail::privsep {
namespace {

constexpr std::string_view kFirstLine = "dmail-start 1";

std::string escaped_value(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (char c : s) {
    if (c == '%' || is_control(c)) {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c), 2);
    } else {
      out += c;
    }
  }
  return out;
}

std::optional<std::string> unescaped_value(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (is_control(s[i])) return std::nullopt;
    if (s[i] != '%') {
      out += s[i];
      continue;
    }
    if (s.size() - i < 3) return std::nullopt;
    const int high = hex_value(s[i + 1]);
    const int low = hex_value(s[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Error bad(const std::string& log) {
  return Error{ErrorKind::BadInput, "Internal error", concat("session start: ", log)};
}

Error usage_error(const std::string& text) { return Error{ErrorKind::BadInput, text, text}; }

void put(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += name;
  out += ' ';
  out += escaped_value(value);
  out += '\n';
}

std::string* text_field(SessionStart& start, std::string_view name) {
  const std::pair<std::string_view, std::string*> fields[] = {
      {"service", &start.service}, {"user", &start.user},          {"drop", &start.drop_file},
      {"folders", &start.folders}, {"session", &start.session_id}, {"client", &start.client_ip},
      {"tag", &start.tag},         {"command", &start.command},
  };
  for (const auto& [field, target] : fields)
    if (field == name) return target;
  return nullptr;
}

// One line other than the first and "pending".
Status take_line(SessionStart& start, std::string_view line) {
  std::string_view rest = line;
  const std::string_view name = take_until(rest, ' ');
  if (name == "set") {
    const auto setting = unescaped_value(rest);
    if (!setting) return bad("bad escape in a setting");
    std::vector<conf::Remark> remarks;
    conf::apply_line(start.settings, *setting, remarks);
    if (!remarks.empty()) return bad(remarks.front().text);
    return {};
  }
  if (name == "quota") {
    const auto value = parse_u64(rest);
    if (!value || start.quota_bytes != 0) return bad("quota");
    start.quota_bytes = *value;
    return {};
  }
  if (name == "tls") {
    if (rest != "1" || start.tls) return bad("tls");
    start.tls = true;
    return {};
  }
  std::string* target = text_field(start, name);
  if (target == nullptr) return bad(concat("unknown line ", escaped(line, 40)));
  auto value = unescaped_value(rest);
  if (!value || value->empty() || !target->empty()) return bad(concat("bad value for ", name));
  *target = std::move(*value);
  return {};
}

Status check_complete(const SessionStart& start) {
  for (const char* service : {"imap", "pop", "smtp", "lmtp"})
    if (start.service == service) {
      if (start.user.empty()) return bad("no user");
      if (start.drop_file.empty() || start.drop_file[0] != '/') return bad("no absolute drop file");
      if (!start.folders.empty() && start.folders[0] != '/') return bad("folders not absolute");
      return {};
    }
  return bad("no known service");
}

Result<std::string> read_start(int fd) {
  std::string out;
  char window[8192];
  for (;;) {
    const ssize_t n = ::read(fd, window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read of the session start", errno);
    if (n == 0) return out;
    out.append(window, static_cast<size_t>(n));
    if (out.size() > kMaxStart) return bad("too long");
  }
}

[[noreturn]] void print_and_exit(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(1, text.data(), text.size());
    if (n <= 0) ::_exit(1);
    text.remove_prefix(static_cast<size_t>(n));
  }
  ::_exit(0);
}

Result<std::string> absolute(std::string_view path) {
  if (path.empty()) return usage_error("an empty file name");
  if (path[0] == '/') return std::string(path);
  char here[PATH_MAX];
  if (::getcwd(here, sizeof here) == nullptr) return system_error("getcwd", errno);
  return concat(here, '/', path);
}

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view service_of(std::string_view program) {
  program = base_name(program);
  if (program.starts_with("dpopd")) return "pop";
  if (program.starts_with("dsmtpd")) return "smtp";
  return "imap";
}

conf::Program program_of(std::string_view service) {
  if (service == "pop") return conf::kDpopd;
  if (service == "smtp" || service == "lmtp") return conf::kDsmtpd;
  return conf::kImapd;
}

Status apply_setting(conf::Settings& settings, std::string_view line) {
  std::vector<conf::Remark> remarks;
  conf::apply_line(settings, line, remarks);
  if (!remarks.empty()) return usage_error(concat("--set: ", remarks.front().text));
  return {};
}

Status take_option(SessionStart& start, std::string_view name, std::string_view value) {
  if (name == "--user") {
    start.user = value;
  } else if (name == "--quota") {
    const auto bytes = parse_u64(value);
    if (!bytes) return usage_error("--quota takes a number of bytes");
    start.quota_bytes = *bytes;
  } else if (name == "--drop" || name == "--folders") {
    auto path = absolute(value);
    if (!path) return std::move(path.error());
    (name == "--drop" ? start.drop_file : start.folders) = std::move(*path);
  } else if (name == "--service") {
    start.service = value;
  } else if (name == "--set") {
    return apply_setting(start.settings, value);
  } else if (name != "--config") {
    return usage_error(concat("unknown option ", escaped(name, 40), "; --help tells"));
  }
  return {};
}

}  // namespace

std::string serialise(const SessionStart& start) {
  std::string out(kFirstLine);
  out += '\n';
  put(out, "service", start.service);
  put(out, "user", start.user);
  put(out, "drop", start.drop_file);
  put(out, "folders", start.folders);
  if (start.quota_bytes != 0) out += concat("quota ", start.quota_bytes, '\n');
  put(out, "session", start.session_id);
  put(out, "client", start.client_ip);
  if (start.tls) out += "tls 1\n";
  put(out, "tag", start.tag);
  put(out, "command", start.command);
  const std::string lines = conf::lines_for(start.settings, conf::kSession);
  std::string_view rest = lines;
  while (!rest.empty()) put(out, "set", take_until(rest, '\n'));
  out += concat("pending ", start.pending.size(), '\n');
  out += start.pending;
  return out;
}

Result<SessionStart> parse_session_start(std::string_view bytes) {
  if (bytes.size() > kMaxStart) return bad("too long");
  SessionStart start;
  bool first = true;
  for (;;) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return bad("cut short");
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (std::exchange(first, false)) {
      if (line != kFirstLine) return bad("not of this version");
    } else if (line.starts_with("pending ")) {
      const auto size = parse_u64(line.substr(8), kMaxStart);
      if (!size || *size != bytes.size()) return bad("pending bytes do not fit");
      start.pending = bytes;
      break;
    } else {
      DMAIL_TRY(take_line(start, line));
    }
  }
  DMAIL_TRY(check_complete(start));
  return start;
}

void answer_help(int argc, char** argv, std::string_view usage) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--help") print_and_exit(usage);
    if (option == "--version")
      print_and_exit(concat(base_name(argv[0]), " (dmail) ", DMAIL_VERSION, "\n"));
  }
}

Result<SessionStart> session_start_of(int argc, char** argv, std::string_view usage) {
  if (argc <= 1) {
    // The user's own processes have our uid: they must not reach, through us, the log that root
    // opened.  `make install` lets nobody read the program, so that this holds from its first
    // instruction on.
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("PR_SET_DUMPABLE", errno);
    const OwnedFd fd(kStartFd);
    auto bytes = read_start(fd.get());
    if (!bytes)
      return usage_error(
          concat("nothing to start from on descriptor 3; --help tells (", bytes.error().log, ")"));
    return parse_session_start(*bytes);
  }
  answer_help(argc, argv, usage);
  SessionStart start;
  start.service = service_of(argv[0]);
  // The file first, so that --set overrides it wherever it stands.
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) != "--config") continue;
    auto loaded = conf::load(argv[i + 1], program_of(start.service));
    if (!loaded) return usage_error(concat(argv[i + 1], ": ", loaded.error().log));
    if (const conf::Remark* defer = loaded->defer()) return usage_error(conf::to_text(*defer));
    start.settings = std::move(loaded->settings);
  }
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc)
      return usage_error(concat("option ", escaped(argv[i], 40), " lacks a value"));
    DMAIL_TRY(take_option(start, argv[i], argv[i + 1]));
  }
  if (start.drop_file.empty()) return usage_error("--drop FILE is missing; --help tells");
  if (start.folders.empty()) start.folders = start.drop_file + ".mbx";
  if (start.user.empty()) start.user = base_name(start.drop_file);
  return start;
}

}  // namespace dmail::privsep

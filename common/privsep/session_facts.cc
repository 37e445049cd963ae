#include "privsep/session_facts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::privsep {
namespace {

constexpr std::string_view kFirstLine = "dmail-session 1";
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

// One fact a line; names and addresses hold no line end (account.h), and one that did would make
// the text one that parse_facts refuses.
std::string facts_text(const SessionFacts& facts) {
  return concat(kFirstLine, "\nservice ", facts.service, "\nip ", facts.client_ip, "\nsession ",
                facts.session_id, "\nsince ", facts.since, "\ntls ", facts.tls ? 1 : 0, "\nuser ",
                facts.user, '\n');
}

std::optional<SessionFacts> parse_facts(std::string_view text) {
  if (text.size() > kMaxFacts || !text.ends_with('\n') || take_until(text, '\n') != kFirstLine)
    return std::nullopt;
  SessionFacts facts;
  const auto take = [&](std::string_view name, std::string& into) {
    std::string_view line = take_until(text, '\n');
    if (take_until(line, ' ') != name) return false;
    into = line;
    return std::none_of(line.begin(), line.end(), is_control);
  };
  std::string since, tls;
  if (!take("service", facts.service) || !take("ip", facts.client_ip) ||
      !take("session", facts.session_id) || !take("since", since) || !take("tls", tls) ||
      !take("user", facts.user) || !text.empty() || facts.user.empty() || facts.service.empty())
    return std::nullopt;
  const auto seconds = parse_u64(since, INT64_MAX);
  if (!seconds || (tls != "0" && tls != "1")) return std::nullopt;
  facts.since = static_cast<int64_t>(*seconds);
  facts.tls = tls == "1";
  return facts;
}

Result<OwnedFd> seal_facts(const SessionFacts& facts) {
  const std::string text = facts_text(facts);
  if (!parse_facts(text)) return Error{ErrorKind::BadInput, "", "odd facts about a session"};
  OwnedFd fd(::memfd_create(kFactsName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return system_error("memfd", errno);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_error("write of the session's facts", errno);
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return system_error("seal", errno);
  return fd;
}

std::optional<SessionFacts> sealed_facts(int fd, uint32_t owner) {
  struct stat st {};
  if (::fstat(fd, &st) != 0 || st.st_uid != owner || !S_ISREG(st.st_mode)) return std::nullopt;
  // Only memory can be sealed at all.
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return std::nullopt;
  std::array<char, kMaxFacts + 1> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  if (n <= 0) return std::nullopt;
  return parse_facts({text.data(), static_cast<size_t>(n)});
}

}  // namespace dmail::privsep

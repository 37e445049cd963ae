#include "privsep/sasl_protocol.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "base/text.h"
#include "base/wipe.h"
#include "io/file.h"

namespace dmail::privsep {
namespace {

constexpr size_t kBeginFields = 15;

Error bad(std::string_view what) {
  return Error{ErrorKind::BadInput, "Internal error", concat("exchange: ", what)};
}

std::string bit(bool b) { return b ? "1" : "0"; }

Result<std::string> read_decoy_key(const std::string& path) {
  Result<OwnedFd> fd = open_file(path, O_RDONLY);
  if (!fd) return std::move(fd.error());
  auto st = stat_fd(fd->get());
  if (!st) return std::move(st.error());
  // work_path may be the mail user's, who must not choose it for us.
  if (st->st_uid != ::geteuid() || (st->st_mode & 077) != 0)
    return Error{ErrorKind::NoPermission, "Internal error", path + " is not ours alone; remove it"};
  std::string key(kDecoyKeySize + 1, '\0');
  Result<size_t> size = read_at(fd->get(), std::span<char>(key), 0);
  if (!size) return std::move(size.error());
  if (*size != kDecoyKeySize)
    return Error{ErrorKind::Corrupt, "Internal error", path + " is not a key; remove it"};
  key.resize(kDecoyKeySize);
  return key;
}

}  // namespace

SaslBegin::~SaslBegin() { wipe(decoy_key); }

Frame frame_of(const SaslBegin& begin) {
  return Frame(
      kExchangeBegin,
      {begin.service, begin.host, begin.realm, begin.mechanism, bit(begin.has_initial),
       begin.initial, begin.tls_exporter, begin.tls_unique, bit(begin.plus_offered), begin.proof,
       begin.tls_stamp, begin.apop_stamp, begin.client_ip, begin.kerberos_realm, begin.decoy_key});
}

Result<SaslBegin> sasl_begin_of(const Frame& frame) {
  if (frame.type != kExchangeBegin || frame.fields.size() != kBeginFields)
    return bad("no begin frame");
  SaslBegin out;
  std::string* const texts[] = {
      &out.service,   &out.host,           &out.realm,        &out.mechanism,
      nullptr,        &out.initial,        &out.tls_exporter, &out.tls_unique,
      nullptr,        &out.proof,          &out.tls_stamp,    &out.apop_stamp,
      &out.client_ip, &out.kerberos_realm, &out.decoy_key};
  for (size_t i = 0; i < kBeginFields; ++i) {
    const std::string& field = frame.fields[i];
    if (texts[i] == nullptr && field != "0" && field != "1") return bad("neither yes nor no");
    if (texts[i] == nullptr) continue;
    const bool binding = texts[i] == &out.tls_exporter || texts[i] == &out.tls_unique;
    size_t limit = binding ? kMaxBinding : kMaxExchangeText;
    if (texts[i] == &out.initial) limit = kMaxSaslMessage;
    if (texts[i] == &out.proof) limit = kMaxProof;
    if (field.size() > limit)
      return Error{ErrorKind::Limit, "Internal error", "exchange: a field is too long"};
    *texts[i] = field;
  }
  out.has_initial = frame.fields[4] == "1";
  out.plus_offered = frame.fields[8] == "1";
  if (out.service != "imap" && out.service != "pop" && out.service != "smtp")
    return bad("unknown service");
  if (out.decoy_key.size() != kDecoyKeySize) return bad("no decoy key");
  return out;
}

Frame secret_frame(const auth::Answer& answer, std::string_view account) {
  Frame frame(kExchangeSecret);
  const bool dead = answer.kind == auth::Answer::Kind::Dead;
  frame.fields.emplace_back(answer.ok() ? "ok" : dead ? "dead" : "no");
  frame.fields.emplace_back(account);
  if (!answer.ok()) return frame;
  for (const auto& [name, value] : answer.labels) {
    if (frame.fields.size() + 2 > kMaxFields) break;
    frame.fields.push_back(name);
    frame.fields.push_back(value);
  }
  return frame;
}

Result<SecretAnswer> secret_of(const Frame& frame) {
  const size_t count = frame.fields.size();
  if (frame.type != kExchangeSecret || count < 2 || count % 2 != 0) return bad("no secret frame");
  SecretAnswer answer;
  const std::string& word = frame.fields[0];
  if (word != "ok" && word != "no" && word != "dead") return bad("an unknown answer");
  if (word == "no") answer.kind = auth::Answer::Kind::No;
  if (word == "ok") answer.kind = auth::Answer::Kind::Ok;
  answer.account = frame.fields[1];
  for (size_t i = 2; i < count; i += 2)
    answer.labels.emplace_back(frame.fields[i], frame.fields[i + 1]);
  return answer;
}

Result<std::string> host_decoy_key(const std::string& work_path) {
  const std::string path = work_path + "/sasl-decoy";
  Result<std::string> key = read_decoy_key(path);
  if (key || key.error().kind != ErrorKind::NotFound) return key;
  std::string fresh(kDecoyKeySize, '\0');
  if (::getrandom(fresh.data(), fresh.size(), 0) != static_cast<ssize_t>(fresh.size()))
    return system_error("getrandom", errno);
  // Another connection may make one, too: whoever links first has made it.
  const std::string own = concat(path, '.', ::getpid());
  DMAIL_TRY(replace_file(own, fresh, 0600));
  const bool made = ::link(own.c_str(), path.c_str()) == 0;
  const int failure = errno;
  (void)::unlink(own.c_str());
  if (!made && failure != EEXIST) return system_error("make " + path, failure);
  return made ? Result<std::string>(std::move(fresh)) : read_decoy_key(path);
}

}  // namespace dmail::privsep

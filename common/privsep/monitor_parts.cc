#include "privsep/monitor_parts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/ascii.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/stream.h"
#include "privsep/drop.h"
#include "privsep/login_protocol.h"
#include "privsep/program.h"

namespace dmail::privsep {

log::Log open_monitor_log(std::string_view program, const Result<conf::Loaded>& loaded) {
  const conf::Settings usual;
  const conf::Settings& settings = loaded ? loaded->settings : usual;
  log::Place place;
  place.directory = settings.log_path.empty() ? settings.work_path : settings.log_path;
  place.program = program;
  place.max_size = settings.max_log_size;
  place.keep = static_cast<int>(settings.rotated_logs);
  // Of a file that says nothing, the log is where the administrator looks first.
  struct stat st {};
  if (!loaded && ::stat(conf::kUsualLogPath, &st) == 0) place.directory = conf::kUsualLogPath;
  return log::Log::open(place, log::level_of(settings.log_level));
}

bool log_configuration(log::Log& log, const std::string& path, const Result<conf::Loaded>& loaded) {
  using Level = conf::Remark::Level;
  if (!loaded) {
    log.error("config-error", {{"file", path}, {"text", loaded.error().log}});
    return false;
  }
  // One line a connection says what stops the mail; `dmconf check` has the rest.
  const conf::Remark* defer = loaded->defer();
  for (const conf::Remark& r : loaded->remarks) {
    const bool error = r.level != Level::Warning;
    if (&r == defer || (defer == nullptr && (error || log.wants(log::Level::Debug))))
      log.error(error ? "config-error" : "config-warning",
                {{"file", r.file}, {"line", r.line}, {"text", r.text}});
  }
  return defer == nullptr;
}

bool is_note(const Frame& frame, size_t max_text) {
  constexpr size_t kMaxEvent = 40;
  const std::string& event = frame.fields[0];
  // Logins and deliveries are the monitor's to tell.
  if (event.empty() || event.starts_with("login") || event.starts_with("session") ||
      event.ends_with("delivered"))
    return false;
  return event.size() <= kMaxEvent && frame.fields[1].size() <= max_text &&
         std::all_of(event.begin(), event.end(), [](char c) { return is_lower(c) || c == '-'; });
}

void log_note(log::Log& log, const Frame& note, std::string_view ip, const TlsFiles& files) {
  const std::string &event = note.fields[0], &text = note.fields[1];
  if (event == kTlsUnusable)
    log.error(kTlsUnusable, {{"ip", ip},
                             {"certificate", files.shown().certificate},
                             {"key", files.shown().key},
                             {"text", text}});
  else
    log.info(event, {{"ip", ip}, {"text", text}});
}

HostIds host_ids(const conf::Settings& settings) {
  const auto or_none = [](const Result<Ids>& ids) { return ids ? *ids : Ids{}; };
  if (!is_root()) return {};
  if (settings.authent_method != "external") return {or_none(ids_of(settings.mail_user)), {}};
  const TwoIds both = ids_of_two(settings.mail_user, settings.module_user);
  return {or_none(both.first), or_none(both.second)};
}

std::unique_ptr<auth::Authenticator> make_authenticator(const conf::Settings& settings,
                                                        account::Service service,
                                                        std::string_view client_ip,
                                                        const HostIds& ids) {
  auth::Options options;
  options.service = service;
  options.libexec = sibling(settings.libexec_path, "");
  while (options.libexec.size() > 1 && options.libexec.ends_with('/')) options.libexec.pop_back();
  options.client_ip = client_ip;
  if (ids.modules.valid()) {
    options.module_uid = ids.modules.uid;
    options.module_gid = ids.modules.gid;
  }
  if (ids.mail.valid()) options.mail_uid = ids.mail.uid;
  return auth::make_authenticator(settings, options);
}

auth::Answer check_password(auth::Authenticator& authenticator, const Result<account::Name>& name,
                            std::string_view password) {
  if (name) return authenticator.check(*name, password);
  account::Name nobody;
  nobody.user = nobody.auth_name = "nobody-of-this-name";
  auth::Answer answer = authenticator.check(nobody, "x");
  if (answer.kind == auth::Answer::Kind::Dead) return answer;
  answer = {};
  answer.kind = auth::Answer::Kind::No;
  answer.text = name.error().log;
  return answer;
}

void wait_after_refusal(int64_t began, int64_t step_ms, int channel_fd) {
  if (step_ms <= 0) return;
  const int64_t spent = monotonic_ms() - began;
  (void)wait_gone(channel_fd, Deadline::in_ms((spent / step_ms + 1) * step_ms - spent));
}

}  // namespace dmail::privsep

#include "dsmtpd/requests.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"

namespace dmail::dsmtpd {
namespace {

constexpr size_t kStartFields = 7;

Error misshapen() {
  return Error{ErrorKind::BadInput, "Internal error", "misshapen frame from the monitor"};
}

char service_letter(Service service) {
  return service == Service::Lmtp ? 'l' : service == Service::Submission ? 's' : 'm';
}

}  // namespace

privsep::Frame frame_of(const StartFacts& start) {
  std::string flags(1, service_letter(start.session.service));
  if (start.session.tls) flags += 'T';
  if (start.session.offer_tls) flags += 'O';
  if (start.greet) flags += 'G';
  if (start.tls_by_name) flags += 'N';
  if (start.session.trusted_peer) flags += 'P';
  return privsep::Frame(kStart, {std::move(flags), start.session.host, start.session.client_ip,
                                 conf::lines_for(start.settings, conf::kLogin), DMAIL_VERSION,
                                 start.session.mechanisms, start.stamp});
}

Result<StartFacts> start_of(const privsep::Frame& frame) {
  if (frame.type != kStart || frame.fields.size() != kStartFields || frame.fields[0].empty() ||
      frame.fields[4] != DMAIL_VERSION)
    return misshapen();
  StartFacts start;
  const std::string& flags = frame.fields[0];
  start.session.service = flags[0] == 'l'   ? Service::Lmtp
                          : flags[0] == 's' ? Service::Submission
                                            : Service::Smtp;
  start.session.tls = flags.find('T') != flags.npos;
  start.session.offer_tls = flags.find('O') != flags.npos;
  start.greet = flags.find('G') != flags.npos;
  start.tls_by_name = flags.find('N') != flags.npos;
  start.session.trusted_peer = flags.find('P') != flags.npos;
  start.session.host = frame.fields[1];
  start.session.client_ip = frame.fields[2];
  start.session.mechanisms = frame.fields[5];
  start.stamp = frame.fields[6];
  std::vector<conf::Remark> remarks;
  std::string_view lines = frame.fields[3];
  while (!lines.empty()) conf::apply_line(start.settings, take_until(lines, '\n'), remarks);
  return start;
}

privsep::Frame frame_of(const Reply& reply) {
  std::string code;
  append(code, reply.code);
  return privsep::Frame(kAnswer, {std::move(code), reply.enhanced,
                                  reply.lines.empty() ? std::string() : reply.lines.front()});
}

Result<Reply> reply_of(const privsep::Frame& frame) {
  if (frame.type != kAnswer || frame.fields.size() != 3) return misshapen();
  const auto code = parse_u32(frame.fields[0], 599);
  if (!code || *code < 200) return misshapen();
  Reply reply;
  reply.code = static_cast<int>(*code);
  reply.enhanced = frame.fields[1];
  reply.lines.push_back(frame.fields[2]);
  return reply;
}

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return is_control(c) || is_8bit(c); });
}

}  // namespace dmail::dsmtpd

// The client's side of SASL exchanges in the jail: any mechanism name, initial response and lines,
// and a monitor that answers anything.  Whatever comes: what is asked has the shape of a request,
// no secret holds a NUL, CR or LF, and an exchange that was opened is ended.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "privsep/mechanisms.h"
#include "privsep/sasl_dialogue.h"
#include "privsep/sasl_protocol.h"

using namespace dmail;
using namespace dmail::privsep;

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

class Fuzzed : public SaslTalk {
 public:
  explicit Fuzzed(std::string_view lines) : lines_(lines) {}

  GateAnswer ask(const Frame& request) override {
    check(encode_frame(request).ok());
    const auto& fields = request.fields;
    switch (request.type) {
      case kAuthenticate: {
        check(!open_ && fields.size() == kAuthenticateFields);
        constexpr std::string_view kNever("\0\r\n", 3);
        for (const std::string& field : fields) check(field.find_first_of(kNever) == field.npos);
        check(!fields[0].empty() || fields[2] == "LOGIN");
        break;
      }
      case kSaslStart:
        check(!open_ && fields.size() == kSaslStartFields && fields[2].size() <= kMaxSaslMessage);
        check(find_mechanism(fields[0])->name == fields[0] && !find_mechanism(fields[0])->clear);
        open_ = true;
        break;
      case kSaslStep:
        check(open_ && fields.size() == 1 && fields[0].size() <= kMaxSaslMessage);
        break;
      default:
        check(request.type == kSaslCancel && open_ && fields.empty());
        open_ = false;
        return {GateAnswer::Kind::Cancelled, "", false};
    }
    const std::string_view word = take_until(lines_, '\n');
    if (open_ && word.starts_with('c'))
      return {GateAnswer::Kind::Challenge, std::string(word), false};
    open_ = false;
    return {word.starts_with('a') ? GateAnswer::Kind::Accepted : GateAnswer::Kind::Wrong, "",
            false};
  }

  std::optional<std::string> response(const std::string&) override {
    if (lines_.empty()) return std::nullopt;
    return std::string(take_until(lines_, '\n'));
  }
  [[nodiscard]] bool open() const { return open_; }

 private:
  std::string_view lines_;
  bool open_ = false;
};

}  // namespace

// First line: mechanism, and an initial response after a blank.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string_view command = take_until(rest, '\n');
  SaslRequest request;
  const std::string offered = offered_mechanisms(
      {"plain login oauthbearer xoauth2 cram-md5 scram-sha-256 gssapi external apop"},
      account::Service::Pop, {true, true, true});
  request.offered = offered;
  request.mechanism = take_until(command, ' ');
  if (!command.empty()) request.initial = std::string(command);
  Fuzzed talk(rest);
  (void)run_sasl(talk, std::move(request));
  check(!talk.open());
  return 0;
}

// CRAM-MD5 (RFC 2195): the challenge is ours, one response "USER DIGEST".
#include "tools/dmsasl/decoy.h"
#include "tools/dmsasl/gnu_sasl.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

class CramMd5 : public GnuSasl {
 public:
  explicit CramMd5(const Context& context) : GnuSasl(context, "CRAM-MD5") {}

 protected:
  Outcome first(std::optional<std::string_view> initial) override {
    if (initial) return wrong("an initial response, where the server speaks first");
    return GnuSasl::first(std::nullopt);
  }
  const char* fault_of(std::string_view response) override {
    if (response.empty()) return "an empty response";  // the library would start again
    return GnuSasl::fault_of(response);
  }
  std::optional<std::string> property(Gsasl_property wanted) override {
    if (wanted != GSASL_PASSWORD) return std::nullopt;
    const auth::Secrets& secrets = secrets_of(known(GSASL_AUTHID));
    if (secrets.password) return secrets.password;
    std::string made_up;
    for (char c : decoy_bytes(begin().decoy_key, "CRAM-MD5", account(), 16))
      made_up += static_cast<char>('a' + (c & 15));
    return made_up;
  }
};

}  // namespace

std::unique_ptr<Exchange> make_cram_md5(const Context& context) {
  return std::make_unique<CramMd5>(context);
}

}  // namespace dmail::dmsasl

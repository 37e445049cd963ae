// GSSAPI (RFC 4752), no security layer: Kerberos 5 with the keytab the monitor passes.
#include "base/text.h"
#include "tools/dmsasl/gnu_sasl.h"
#include "tools/dmsasl/mechanisms.h"
#include "tools/dmsasl/principal.h"

namespace dmail::dmsasl {
namespace {

class Gssapi : public GnuSasl {
 public:
  explicit Gssapi(const Context& context) : GnuSasl(context, "GSSAPI") {}

 protected:
  const char* fault_of(std::string_view) override { return nullptr; }  // binary
  std::optional<std::string> property(Gsasl_property wanted) override {
    if (wanted == GSASL_SERVICE) return begin().service;
    if (wanted == GSASL_HOSTNAME) return begin().host;
    return std::nullopt;
  }
  [[nodiscard]] Gsasl_property verdict() const override { return GSASL_VALIDATE_GSSAPI; }
  Outcome failed(int code) override {
    if (code == GSASL_GSSAPI_ACQUIRE_CRED_ERROR || code == GSASL_GSSAPI_IMPORT_NAME_ERROR)
      return unavailable(concat("no key for ", begin().service, '/', begin().host));
    return GnuSasl::failed(code);
  }
  Outcome finished(std::string) override {
    const std::string principal = known(GSASL_GSSAPI_DISPLAY_NAME);
    const std::string user = user_of_principal(principal, begin().kerberos_realm);
    if (user.empty()) return wrong(concat("principal ", escaped(principal), " is no user"));
    return done(user, known(GSASL_AUTHZID));
  }
};

}  // namespace

std::unique_ptr<Exchange> make_gssapi(const Context& context) {
  return std::make_unique<Gssapi>(context);
}

}  // namespace dmail::dmsasl

// EXTERNAL (RFC 4422 appendix A): who the client is comes out of its certificate; its one message
// says whom it wants to be, or nothing.
#include "tools/dmsasl/gnu_sasl.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

class External : public GnuSasl {
 public:
  explicit External(const Context& context) : GnuSasl(context, "EXTERNAL") {}

 protected:
  std::optional<std::string> property(Gsasl_property) override { return std::nullopt; }
  [[nodiscard]] Gsasl_property verdict() const override { return GSASL_VALIDATE_EXTERNAL; }
  Outcome finished(std::string) override {
    Result<std::string> identity = certificate();
    if (!identity && identity.error().kind == ErrorKind::Unsupported)
      return unavailable(identity.error().log);
    if (!identity) return wrong(identity.error().log);
    const bool usable = !identity->empty() && identity->size() <= privsep::kMaxExchangeText &&
                        identity->find('\0') == std::string::npos;
    return usable ? done(std::move(*identity), known(GSASL_AUTHZID))
                  : wrong("the certificate names no user");
  }
};

}  // namespace

std::unique_ptr<Exchange> make_external(const Context& context) {
  return std::make_unique<External>(context);
}

}  // namespace dmail::dmsasl

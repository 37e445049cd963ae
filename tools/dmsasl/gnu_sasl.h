// A mechanism of GNU SASL behind the Exchange interface.  A family derives from it and says what
// the library may ask for, what it must not be shown, and who it was in the end.
#pragma once

#include <gsasl.h>

#include <optional>
#include <string>
#include <string_view>

#include "tools/dmsasl/exchange.h"

namespace dmail::dmsasl {

class GnuSasl : public Exchange {
 public:
  GnuSasl(const Context& context, const char* mechanism);
  ~GnuSasl() override;

 protected:
  Outcome first(std::optional<std::string_view> initial) override { return run(initial); }
  Outcome next(std::string_view response) override { return run(response); }

  // The value of something the library asks for; nullopt: there is none.
  virtual std::optional<std::string> property(Gsasl_property wanted) = 0;
  // Asked for a verdict (GSASL_VALIDATE_...), the library is always told yes, if this is it: what
  // it means is finished()'s affair.
  [[nodiscard]] virtual Gsasl_property verdict() const { return Gsasl_property{}; }
  // Why a response is not to be shown to the library; nullptr: it may see it.
  virtual const char* fault_of(std::string_view response);
  // After the library's yes.
  virtual Outcome finished(std::string bytes);
  virtual Outcome failed(int code);

  // What the library has set from the client's messages; empty when nothing.
  [[nodiscard]] std::string known(Gsasl_property what) const;

 private:
  static int asked(Gsasl* library, Gsasl_session* session, Gsasl_property wanted);
  Outcome run(std::optional<std::string_view> response);

  Gsasl* library_ = nullptr;
  Gsasl_session* session_ = nullptr;
};

}  // namespace dmail::dmsasl

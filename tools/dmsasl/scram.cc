// SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) and their -PLUS forms, with the channel
// bindings tls-exporter (RFC 9266) and tls-unique (RFC 5929).  Works on stored keys; only for a
// user who has none but a password, on that.
#include "auth/secret.h"
#include "base/base64.h"
#include "base/text.h"
#include "tools/dmsasl/decoy.h"
#include "tools/dmsasl/gnu_sasl.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

struct Form {
  const char* name;
  bool sha256, plus;
};
constexpr Form kSha1{"SCRAM-SHA-1", false, false}, kSha1Plus{"SCRAM-SHA-1-PLUS", false, true},
    kSha256{"SCRAM-SHA-256", true, false}, kSha256Plus{"SCRAM-SHA-256-PLUS", true, true};

class Scram : public GnuSasl {
 public:
  Scram(const Context& context, const Form& form) : GnuSasl(context, form.name), form_(form) {}

 protected:
  Outcome first(std::optional<std::string_view> initial) override {
    if (form_.plus && begin().tls_exporter.empty() && begin().tls_unique.empty())
      return unavailable("no channel binding");
    // An empty initial response says the same as none.
    if (!initial || initial->empty()) return GnuSasl::first(std::nullopt);
    return GnuSasl::first(initial);
  }

  const char* fault_of(std::string_view response) override {
    if (response.empty()) return "an empty response";
    const bool is_first = !seen_first_;
    seen_first_ = true;
    if (is_first && !form_.plus) {
      // RFC 5802 section 6: the client would bind and believes that we cannot, but we said we can:
      // somebody changed the list of mechanisms on its way.
      if (response.front() == 'y' && begin().plus_offered) return "channel binding was stripped";
      if (response.front() == 'p') return "channel binding in a mechanism without";
    }
    return GnuSasl::fault_of(response);
  }

  std::optional<std::string> property(Gsasl_property wanted) override {
    switch (wanted) {
      case GSASL_CB_TLS_EXPORTER:
        return binding(begin().tls_exporter);
      case GSASL_CB_TLS_UNIQUE:
        return binding(begin().tls_unique);
      case GSASL_SCRAM_ITER:
        return concat(keys() ? keys()->iterations : kDecoyIterations);
      case GSASL_SCRAM_SALT:
        return base64_encode(keys() ? keys()->salt : decoy("salt", kDecoySalt));
      case GSASL_SCRAM_STOREDKEY:
        if (!keys() && secrets().password) return std::nullopt;
        return base64_encode(keys() ? keys()->stored_key : decoy("stored", key_size()));
      case GSASL_SCRAM_SERVERKEY:
        if (!keys() && secrets().password) return std::nullopt;
        return base64_encode(keys() ? keys()->server_key : decoy("server", key_size()));
      case GSASL_PASSWORD:
        return secrets().password;
      default:
        return std::nullopt;
    }
  }

 private:
  const auth::Secrets& secrets() { return secrets_of(known(GSASL_AUTHID)); }
  const std::optional<auth::ScramKeys>& keys() {
    return form_.sha256 ? secrets().scram_sha_256 : secrets().scram_sha_1;
  }
  [[nodiscard]] size_t key_size() const {
    return form_.sha256 ? GSASL_HASH_SHA256_SIZE : GSASL_HASH_SHA1_SIZE;
  }
  std::string decoy(std::string_view what, size_t size) {
    const std::string purpose = concat(form_.sha256 ? "SCRAM-SHA-256 " : "SCRAM-SHA-1 ", what);
    return decoy_bytes(begin().decoy_key, purpose, account(), size);
  }
  // Without -PLUS the library is told of no binding: whether "y" is a lie is decided above.
  [[nodiscard]] std::optional<std::string> binding(const std::string& bytes) const {
    if (!form_.plus || bytes.empty()) return std::nullopt;
    return base64_encode(bytes);
  }

  Form form_;
  bool seen_first_ = false;
};

}  // namespace

std::unique_ptr<Exchange> make_scram_sha_1(const Context& context) {
  return std::make_unique<Scram>(context, kSha1);
}
std::unique_ptr<Exchange> make_scram_sha_1_plus(const Context& context) {
  return std::make_unique<Scram>(context, kSha1Plus);
}
std::unique_ptr<Exchange> make_scram_sha_256(const Context& context) {
  return std::make_unique<Scram>(context, kSha256);
}
std::unique_ptr<Exchange> make_scram_sha_256_plus(const Context& context) {
  return std::make_unique<Scram>(context, kSha256Plus);
}

}  // namespace dmail::dmsasl

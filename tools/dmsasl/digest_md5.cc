// DIGEST-MD5 (RFC 2831): qop=auth, one realm, no subsequent authentication (each nonce is used
// once).
#include "base/ascii.h"
#include "base/text.h"
#include "tools/dmsasl/decoy.h"
#include "tools/dmsasl/digest_uri.h"
#include "tools/dmsasl/gnu_sasl.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

// The library writes blanks behind the commas, as it may; SquirrelMail and PEAR's Auth_SASL take
// them for a part of the next name.  Nothing is computed over the challenge's text.
std::string without_blanks(std::string_view challenge) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < challenge.size(); ++i) {
    const char c = challenge[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\' && i + 1 < challenge.size()) out += challenge[i++];
    if (quoted || challenge[i] != ' ') out += challenge[i];
  }
  return out;
}

class DigestMd5 : public GnuSasl {
 public:
  explicit DigestMd5(const Context& context) : GnuSasl(context, "DIGEST-MD5") {}

 protected:
  Outcome first(std::optional<std::string_view> initial) override {
    if (initial) return wrong("an initial response, where the server speaks first");
    Outcome outcome = GnuSasl::first(std::nullopt);
    if (outcome.kind == Outcome::Kind::Challenge) outcome.bytes = without_blanks(outcome.bytes);
    return outcome;
  }
  const char* fault_of(std::string_view response) override {
    if (response.empty()) return "an empty response";
    // The library does not look at it: a response made for another service is none for us.  Hosts
    // go by several names, so the rest of digest-uri is not compared.
    const std::string service = service_of_digest_uri(response);
    const bool pop = begin().service == "pop" && service == "pop3";
    if (service != begin().service && !pop) return "digest-uri is for another service";
    return GnuSasl::fault_of(response);
  }
  std::optional<std::string> property(Gsasl_property wanted) override {
    if (wanted == GSASL_QOPS) return "qop-auth";
    if (wanted == GSASL_REALM && !challenged_) {
      challenged_ = true;
      return begin().realm;
    }
    if (wanted != GSASL_PASSWORD && wanted != GSASL_DIGEST_MD5_HASHED_PASSWORD) return std::nullopt;
    return key(wanted);
  }

 private:
  std::optional<std::string> key(Gsasl_property wanted) {
    // By now the realm is the one the client took.
    const bool ours = known(GSASL_REALM) == begin().realm;
    const auth::Secrets& secrets = secrets_of(known(GSASL_AUTHID));
    const bool has_key = ours && (secrets.password || secrets.digest_md5);
    if (has_key && secrets.password)
      return wanted == GSASL_PASSWORD ? secrets.password : std::nullopt;
    if (wanted == GSASL_PASSWORD) return std::nullopt;
    if (has_key) return secrets.digest_md5;
    std::string made_up;
    for (char c : decoy_bytes(begin().decoy_key, "DIGEST-MD5", account(), 16))
      append_hex(made_up, static_cast<unsigned char>(c), 2);
    return made_up;
  }

  bool challenged_ = false;
};

}  // namespace

std::unique_ptr<Exchange> make_digest_md5(const Context& context) {
  return std::make_unique<DigestMd5>(context);
}

}  // namespace dmail::dmsasl

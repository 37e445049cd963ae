#include "tools/dmsasl/gnu_sasl.h"

#include <string.h>

#include "base/wipe.h"

namespace dmail::dmsasl {

GnuSasl::GnuSasl(const Context& context, const char* mechanism) : Exchange(context) {
  if (gsasl_init(&library_) != GSASL_OK) return;
  gsasl_callback_set(library_, asked);
  if (gsasl_server_start(library_, mechanism, &session_) != GSASL_OK) session_ = nullptr;
  if (session_ != nullptr) gsasl_session_hook_set(session_, this);
}

GnuSasl::~GnuSasl() {
  if (session_ != nullptr) {
    // The library frees its copies of secrets as they are.
    for (Gsasl_property p :
         {GSASL_PASSWORD, GSASL_DIGEST_MD5_HASHED_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD,
          GSASL_SCRAM_STOREDKEY, GSASL_SCRAM_SERVERKEY})
      if (char* copy = const_cast<char*>(gsasl_property_fast(session_, p)); copy != nullptr)
        ::explicit_bzero(copy, ::strlen(copy));
    gsasl_finish(session_);
  }
  if (library_ != nullptr) gsasl_done(library_);
}

int GnuSasl::asked(Gsasl*, Gsasl_session* session, Gsasl_property wanted) {
  auto* self = static_cast<GnuSasl*>(gsasl_session_hook_get(session));
  if (self == nullptr) return GSASL_NO_CALLBACK;
  if (wanted >= GSASL_VALIDATE_SIMPLE)
    return wanted == self->verdict() ? GSASL_OK : GSASL_NO_CALLBACK;
  std::optional<std::string> value = self->property(wanted);
  if (!value) return GSASL_NO_CALLBACK;
  const int code = gsasl_property_set(session, wanted, value->c_str());
  wipe(*value);
  return code;
}

const char* GnuSasl::fault_of(std::string_view response) {
  return response.find('\0') == std::string_view::npos ? nullptr : "NUL in a response";
}

std::string GnuSasl::known(Gsasl_property what) const {
  const char* value = gsasl_property_fast(session_, what);
  return value == nullptr ? "" : value;
}

Outcome GnuSasl::finished(std::string bytes) {
  std::string user = known(GSASL_AUTHID), authorize = known(GSASL_AUTHZID);
  if (bytes.empty()) return done(std::move(user), std::move(authorize));
  return done_with(std::move(bytes), std::move(user), std::move(authorize));
}

Outcome GnuSasl::failed(int code) {
  const char* name = gsasl_strerror_name(code);
  const char* text = name == nullptr ? "refused" : name;
  if (code == GSASL_MALLOC_ERROR || code == GSASL_CRYPTO_ERROR) return temporary(text);
  return wrong(code == GSASL_AUTHENTICATION_ERROR ? "wrong proof" : text);
}

Outcome GnuSasl::run(std::optional<std::string_view> response) {
  if (session_ == nullptr) return unavailable("GNU SASL has no such mechanism");
  if (const char* fault = response ? fault_of(*response) : nullptr; fault != nullptr)
    return wrong(fault);
  // The library tells no response from an empty one by a null pointer.
  const std::string input(response.value_or(""));
  char* output = nullptr;
  size_t size = 0;
  const int code =
      gsasl_step(session_, response ? input.c_str() : nullptr, input.size(), &output, &size);
  std::string bytes(output == nullptr ? "" : output, output == nullptr ? 0 : size);
  gsasl_free(output);
  if (code == GSASL_NEEDS_MORE && bytes.size() > privsep::kMaxSaslMessage)
    return wrong("the answer would be too long");
  if (code == GSASL_NEEDS_MORE) return challenge(std::move(bytes));
  return code == GSASL_OK ? finished(std::move(bytes)) : failed(code);
}

}  // namespace dmail::dmsasl

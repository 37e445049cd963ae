// The table of mechanisms: a row each, a source file each family.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tools/dmsasl/exchange.h"

namespace dmail::dmsasl {

struct Mechanism {
  const char* name;
  std::unique_ptr<Exchange> (*make)(const Context& context);
  bool needs_files = false;    // opens files while it runs: no tight system call filter
  bool needs_openssl = false;  // is in the other program, dmsasl-external
};

std::span<const Mechanism> mechanisms();
const Mechanism* mechanism_of(std::string_view name);  // nullptr: unknown

std::unique_ptr<Exchange> make_apop(const Context& context);
std::unique_ptr<Exchange> make_cram_md5(const Context& context);
std::unique_ptr<Exchange> make_digest_md5(const Context& context);
std::unique_ptr<Exchange> make_external(const Context& context);
std::unique_ptr<Exchange> make_gssapi(const Context& context);
std::unique_ptr<Exchange> make_scram_sha_1(const Context& context);
std::unique_ptr<Exchange> make_scram_sha_1_plus(const Context& context);
std::unique_ptr<Exchange> make_scram_sha_256(const Context& context);
std::unique_ptr<Exchange> make_scram_sha_256_plus(const Context& context);

}  // namespace dmail::dmsasl

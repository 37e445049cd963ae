#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {
namespace {

constexpr Mechanism kMechanisms[] = {
    {"APOP", make_apop},
    {"CRAM-MD5", make_cram_md5},
    {"DIGEST-MD5", make_digest_md5},
    {"SCRAM-SHA-1", make_scram_sha_1},
    {"SCRAM-SHA-1-PLUS", make_scram_sha_1_plus},
    {"SCRAM-SHA-256", make_scram_sha_256},
    {"SCRAM-SHA-256-PLUS", make_scram_sha_256_plus},
    {"EXTERNAL", make_external, false, true},
    {"GSSAPI", make_gssapi, true, false},
};

}  // namespace

std::span<const Mechanism> mechanisms() { return kMechanisms; }

const Mechanism* mechanism_of(std::string_view name) {
  for (const Mechanism& m : kMechanisms)
    if (name == m.name) return &m;
  return nullptr;
}

}  // namespace dmail::dmsasl

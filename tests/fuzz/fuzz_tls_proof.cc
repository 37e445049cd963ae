// The record of a handshake with a client certificate (io/tls_transcript.h), as a taken-over TLS
// program might send it.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "io/tls_transcript.h"

using namespace dmail;

namespace {

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  auto parts = tls_transcript_of(in);
  if (!parts) return 0;
  assert(inside(parts->messages, in) && inside(parts->retried, in));
  assert(inside(parts->signature, in) && inside(parts->server_certificate, in));
  assert(!parts->client_chain.empty() && parts->client_chain.size() <= kMaxProofChain);
  for (const std::string_view one : parts->client_chain) assert(inside(one, in));
  for (const std::string_view one : parts->authorities) assert(inside(one, in));
  // What is signed and the signature are all of it.
  assert(parts->retried.size() + parts->messages.size() + 8 + parts->signature.size() == in.size());
  (void)stamp_name(in);
  return 0;
}

// Reply lines of an authentication module: never Ok for another user, bounded, no crash, and keys
// only where keys were asked for.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "account/account.h"
#include "auth/reply.h"
#include "auth/secret.h"

namespace {

// The same line as the answer to `secret`.
void as_secret(std::string_view line, const dmail::auth::Answer& plain) {
  using namespace dmail;
  const auth::Answer keys = auth::parse_secret_reply(line, "bob").answer;
  for (const auto& [name, value] : keys.labels)
    if (!auth::is_secret_label(name)) std::abort();
  if (!keys.ok()) return;
  if (!plain.ok() || keys.labels.empty()) std::abort();
  const auto secrets = auth::secrets_of(keys.labels);
  if (!secrets) std::abort();
  const auto& scram = secrets->scram_sha_256;
  if (scram && (scram->stored_key.size() != 32 || scram->salt.empty())) std::abort();
  if (secrets->password && secrets->password->empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dmail;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auth::Reply reply = auth::parse_reply(line, "bob");
  const auth::Answer& answer = reply.answer;
  as_secret(line, answer);
  if (!answer.ok()) return 0;
  for (const auto& [name, value] : answer.labels)
    if (auth::is_secret_label(name)) std::abort();
  if (!reply.final || answer.labels.size() > auth::kMaxLabels) std::abort();
  if (line.find("ob") == std::string_view::npos && line.find("OB") == std::string_view::npos &&
      line.find("oB") == std::string_view::npos && line.find("Ob") == std::string_view::npos)
    std::abort();
  // What the answer says goes into paths and ids: whatever it is, the account stays in bounds.
  account::Name name;
  name.user = name.auth_name = "bob";
  name.drop_path = "/var/mail";
  if (auto account = account::account_of(name, answer.facts, {}); account) {
    if (account->uid && *account->uid == 0) std::abort();
    if (account->drop_file.front() != '/' || account->drop_file.find("/../") != std::string::npos)
      std::abort();
  }
  return 0;
}

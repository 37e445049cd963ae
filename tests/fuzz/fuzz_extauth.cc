// Reply lines of an authentication module: never Ok for another user, bounded, and no crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "account/account.h"
#include "auth/reply.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dmail;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auth::Reply reply = auth::parse_reply(line, "bob");
  const auth::Answer& answer = reply.answer;
  if (!answer.ok()) return 0;
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

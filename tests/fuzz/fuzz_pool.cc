// authpool: a question and a module's answer.  Never Yes for another user, nothing split in two.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.h"
#include "base/text.h"
#include "tools/authpool/question.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dmail;
  using namespace dmail::authpool;
  std::string_view answer(reinterpret_cast<const char*>(data), size);
  const std::string_view line = take_until(answer, '\n');
  const Question question = parse_question(line);
  if (question.kind != Question::Kind::Bad &&
      line.substr(0, line.empty() ? 0 : line.size() - 1).find('\r') != std::string_view::npos)
    std::abort();
  if (question.of_user() && question.user.empty()) std::abort();
  if (question.kind == Question::Kind::Check && question.password.empty()) std::abort();
  if (owner_of(question.user).size() > question.user.size()) std::abort();
  answer = answer.substr(0, answer.find('\n'));
  const Judgement judgement = judge(question, answer);
  if (judgement == Judgement::Yes) {
    if (!answer.starts_with("+OK")) std::abort();
    if (question.of_user() && lower(answer).find(lower(question.user)) == std::string::npos)
      std::abort();
    if (may_be_kept(answer) && lower(answer).find("password64=") != std::string::npos) std::abort();
  }
  return 0;
}

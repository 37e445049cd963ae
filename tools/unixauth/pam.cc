// verify and known by PAM: pam_authenticate and pam_acct_mgmt.  A conversation function that knows
// one answer: the password, to prompts that don't echo.  Nobody is there to be asked anything else.
#include <security/pam_appl.h>
#include <string.h>

#include <cstdlib>

#include "base/text.h"
#include "tools/unixauth/system.h"

namespace dmail::unixauth {
namespace {

constexpr int kMaxPrompts = 8;  // a stack that goes on asking won't get anywhere

struct Conversation {
  const std::string* password;
  int prompts = 0;
};

void forget(pam_response* replies, int count) {
  for (int i = 0; i < count; ++i) {
    if (replies[i].resp == nullptr) continue;
    ::explicit_bzero(replies[i].resp, ::strlen(replies[i].resp));
    ::free(replies[i].resp);
  }
  ::free(replies);
}

int converse(int count, const pam_message** messages, pam_response** replies, void* data) {
  auto& conversation = *static_cast<Conversation*>(data);
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* answers =
      static_cast<pam_response*>(::calloc(static_cast<size_t>(count), sizeof(pam_response)));
  if (answers == nullptr) return PAM_BUF_ERR;
  for (int i = 0; i < count; ++i) {
    const int style = messages[i]->msg_style;
    if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG) continue;
    if (style == PAM_PROMPT_ECHO_OFF && ++conversation.prompts <= kMaxPrompts)
      answers[i].resp = ::strdup(conversation.password->c_str());
    if (answers[i].resp == nullptr) {
      forget(answers, count);
      return PAM_CONV_ERR;
    }
  }
  // A module that only tells us something may give no place for replies.
  if (replies != nullptr)
    *replies = answers;
  else
    forget(answers, count);
  return PAM_SUCCESS;
}

// The caller makes failed logins wait; a module that sleeps here would only eat authent_timeout.
void no_delay(int, unsigned, void*) {}

Verdict verdict_of(int code) {
  switch (code) {
    case PAM_SUCCESS:
      return Verdict::Right;
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_CRED_INSUFFICIENT:
    case PAM_MAXTRIES:
    case PAM_PERM_DENIED:
    case PAM_ACCT_EXPIRED:
    case PAM_CRED_EXPIRED:
    case PAM_AUTHTOK_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
      return Verdict::Wrong;
    default:
      return Verdict::Unknown;
  }
}

bool set_items(pam_handle_t* pam, const Question& question) {
  using Delay = void (*)(int, unsigned, void*);
  const Delay delay = no_delay;
  return pam_set_item(pam, PAM_FAIL_DELAY, reinterpret_cast<const void*>(delay)) == PAM_SUCCESS &&
         pam_set_item(pam, PAM_TTY, "dmail") == PAM_SUCCESS &&
         (question.client_ip.empty() ||
          pam_set_item(pam, PAM_RHOST, question.client_ip.c_str()) == PAM_SUCCESS);
}

// A stack that maps the name to another user would let one user read another's mail.
bool same_user(pam_handle_t* pam, const std::string& user) {
  const void* now = nullptr;
  return pam_get_item(pam, PAM_USER, &now) == PAM_SUCCESS && now != nullptr &&
         user == static_cast<const char*>(now);
}

constexpr int kQuiet = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;

// One conversation with a stack: what it came to, and in which phase.
class Stack {
 public:
  explicit Stack(const Question& question)
      : question_(question), conversation_{&question.password} {
    code_ = pam_start(question.service.c_str(), question.user.c_str(), &conv_, &pam_);
    if (code_ != PAM_SUCCESS) {
      pam_ = nullptr;
      return;
    }
    if (!set_items(pam_, question)) code_ = PAM_SYSTEM_ERR;
  }
  ~Stack() {
    if (pam_ != nullptr) (void)pam_end(pam_, code_);  // the verdict stands whatever it says
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void run(const char* phase, int (*call)(pam_handle_t*, int)) {
    if (code_ != PAM_SUCCESS) return;
    phase_ = phase;
    code_ = call(pam_, kQuiet);
    if (code_ != PAM_SUCCESS || same_user(pam_, question_.user)) return;
    code_ = PAM_PERM_DENIED;
    phase_ = "another user";
  }
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] Judgement judgement() const {
    if (code_ == PAM_SUCCESS) return {Verdict::Right, {}};
    return {verdict_of(code_), concat("PAM ", phase_, ": ", pam_strerror(pam_, code_))};
  }

 private:
  const Question& question_;
  Conversation conversation_;
  const pam_conv conv_{converse, &conversation_};
  pam_handle_t* pam_ = nullptr;
  int code_ = PAM_SUCCESS;
  const char* phase_ = "start";
};

}  // namespace

Judgement verify(const Question& question) {
  Stack stack(question);
  stack.run("auth", pam_authenticate);
  stack.run("account", pam_acct_mgmt);
  return stack.judgement();
}

Judgement allowed(const Question& question) {
  Stack stack(question);
  stack.run("account", pam_acct_mgmt);
  return stack.judgement();
}

Judgement known(const Question& question) {
  Stack stack(question);
  stack.run("account", pam_acct_mgmt);
  Judgement judgement = stack.judgement();
  // Expired or not, mail for the account is its own.
  if (stack.code() == PAM_ACCT_EXPIRED || stack.code() == PAM_NEW_AUTHTOK_REQD)
    judgement.verdict = Verdict::Right;
  return judgement;
}

}  // namespace dmail::unixauth

// One question, put to the modules in their order.  Each module is a child that runs once and is
// started again when it dies or misbehaves (authpool/pool.h, one copy each).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/authpool/pool.h"
#include "tools/modules/server.h"
#include "tools/multiauth/config.h"

namespace dmail::multiauth {

inline constexpr uint64_t kMaxFound = 10'000;  // names in one answer to search

class Chain : public modules::Responder {
 public:
  using Log = authpool::Pool::Log;
  Chain(std::vector<ModuleRule> rules, const std::vector<std::string>& environment, Log log);

  std::optional<std::string> quick_answer(std::string_view) override { return std::nullopt; }
  std::string answer(std::string_view line, int64_t asked_ms) override;

 private:
  struct Member {
    ModuleRule rule;
    std::unique_ptr<authpool::Pool> pool;
  };

  // check, secret, token, lookup: the first module that says yes.
  std::string first_yes(Verb verb, std::string_view word, std::string_view user,
                        std::string_view rest);
  // set and del: the first module that may and, with `existing`, knows the user.
  std::string change(Verb verb, std::string_view user, std::string_view rest);
  // account: the module that knows the user, as a lookup finds it, has the only say.
  std::string account(std::string_view user);
  std::string search(std::string_view rest);
  authpool::Spoken ask(Member& member, const std::string& line);

  std::vector<Member> members_;
  Log log_;
};

}  // namespace dmail::multiauth

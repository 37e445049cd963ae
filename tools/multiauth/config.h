// multiauth.conf: which modules are asked, in which order, about whom.  multiauth(8) explains each
// line.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dmail::multiauth {

inline constexpr size_t kMaxModules = 50;

enum class Verb { Lookup, Check, Set, Del, Search };  // secret and token go with check
inline constexpr size_t kVerbs = 5;

enum class Do { No, Existing, Yes };

struct ModuleRule {
  int priority = 0;
  int line = 0;                    // of the file, for messages
  std::vector<std::string> words;  // program and arguments
  std::vector<std::string> match;  // wildcards with `!`, read left to right; empty: everybody
  std::array<std::vector<std::string>, kVerbs> patterns;  // instead of `match`, where not empty
  std::array<Do, kVerbs> does = {Do::Yes, Do::Yes, Do::Existing, Do::No, Do::Yes};
  std::string strip_prefix, strip_suffix;
  int timeout = 5;  // seconds
  bool dead_goes_on = false;

  // Whether a question about `text` is for this module at all.
  [[nodiscard]] bool takes(Verb verb, std::string_view text) const;
  // The name as the module knows it; empty when nothing is left.
  [[nodiscard]] std::string stripped(std::string_view user) const;
};

// The modules in the order in which they are asked.  BadInput, the log text begins with FILE:LINE.
Result<std::vector<ModuleRule>> parse_modules(std::string_view text, const std::string& file);

}  // namespace dmail::multiauth

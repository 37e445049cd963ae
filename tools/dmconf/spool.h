// Which drop files lie where today's settings do not look, and where they belong.
//
// A drop file's user is told from its path: some layout (hash_spool 0 1 2, old or new naming,
// prefix in the name or as a directory) must put that user exactly there.  Where none does the file
// is nobody's; where several do for different users, or where it is in place for one and was
// another's by an earlier layout, it is ambiguous: who of them there is, and whose it then is, is
// for the caller to find out.  The directories of a layout are one level each, entered without
// following links.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "account/account.h"
#include "base/result.h"
#include "conf/settings.h"

namespace dmail::dmconf {

// A directory with drop files; `domain` picks the vdomain lines that count (empty: those whose drop
// path it is, and the main domain where it is drop_path).
struct Base {
  std::string path;
  std::string domain;
};
// drop_path and the drop paths of the vdomain lines, each once.
std::vector<Base> bases_of(const conf::Settings& settings);

// Who may have a file, and where today's settings look for theirs.
struct Claim {
  account::Name name;
  account::Account account;
};

struct Stray {
  enum class Kind { Misplaced, Nobody, Ambiguous } kind = Kind::Misplaced;
  bool tree = false;  // the folders NAME.mbx alone, without a drop file beside them
  std::string path;   // of the drop file, whether or not it is there
  account::Name name;
  account::Account account;   // where today's settings look
  std::vector<Claim> claims;  // of all who may have it; the first is the one above
};

class Spool {
 public:
  explicit Spool(const conf::Settings& settings);

  struct Visitor {
    std::function<void(const Stray&)> found;  // a drop file below the base that is not in its place
    // Every directory that a layout makes, and every link in the place of one.
    std::function<void(const std::string& path, int fd)> entered;
    std::function<void(const std::string& path)> linked;
  };
  // In the order of the directories; remembers nothing of what it has seen.  `in_place` counts the
  // drop files that are where they belong.
  Status walk(const Base& base, const Visitor& visitor);
  [[nodiscard]] uint64_t in_place() const { return in_place_; }

 private:
  struct Level;
  Status enter(const Level& level);
  void look_at(const Level& level, const std::string& file, bool tree);
  [[nodiscard]] std::vector<Claim> claims_on(const std::string& path,
                                             const std::string& file) const;
  [[nodiscard]] std::vector<account::Name> names_of(const std::string& file) const;
  [[nodiscard]] bool is_level(std::string_view name) const;

  const conf::Settings& settings_;
  std::vector<conf::Settings> layouts_;  // all that there may have been
  Base base_;
  const Visitor* visitor_ = nullptr;
  uint64_t in_place_ = 0;
};

}  // namespace dmail::dmconf

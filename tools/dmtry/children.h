// The processes an instance consists of; each is started, and ended, by its id.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace dmail::dmtry {

class Children {
 public:
  Children();
  ~Children() { stop_all(); }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // Starts argv[0] with output appended to `log`; standard input is /dev/null.
  Status start(const std::vector<std::string>& argv, const std::string& log);
  // Runs argv[0] with `input` on its standard input and returns its standard output; an Error when
  // it does not exit with 0.
  static Result<std::string> run(const std::vector<std::string>& argv, const std::string& input);
  // The name of one that ended by itself, or an empty text.
  std::string ended();
  // SIGTERM to each, newest first, SIGKILL to what is left after three seconds, then the same to
  // what they left behind (this process is the reaper of its orphans).
  void stop_all();

 private:
  struct Child {
    pid_t pid;
    std::string name;
  };
  std::vector<Child> children_;
};

}  // namespace dmail::dmtry

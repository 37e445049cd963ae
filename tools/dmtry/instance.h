// A private installation in one directory: files, accounts, xinetd.
#pragma once

#include <string>

#include "base/result.h"
#include "tools/dmtry/children.h"
#include "tools/dmtry/log_ends.h"
#include "tools/dmtry/options.h"
#include "tools/dmtry/ports.h"

namespace dmail::dmtry {

class Instance {
 public:
  Instance(Options options, std::string programs);
  // Makes the directory's content, starts everything and waits until every port answers.
  Status up();
  // Name of a part that ended by itself.
  std::string ended() { return children_.ended(); }
  // What the logs say last.
  [[nodiscard]] std::string log_ends() const { return dmtry::log_ends(in("log")); }
  void down() { children_.stop_all(); }

 private:
  Status make_directories();
  Status choose_ports();
  Status write_settings();
  Status write_xinetd();
  Status write_env();
  Status start_accounts();
  Status wait_for_ports();
  [[nodiscard]] std::string in(std::string_view name) const {
    return options_.directory + "/" + std::string(name);
  }

  Options options_;
  std::string programs_;  // directory of the built programs
  bool root_;
  Ports ports_;
  Children children_;
};

}  // namespace dmail::dmtry

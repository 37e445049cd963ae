// Settings after some lines, and what was remarked on them.
#pragma once

#include <catch2/catch.hpp>

#include "base/text.h"
#include "conf/settings.h"
#include "conf/value.h"

namespace dmail::conf {

struct Applied {
  Settings settings;
  std::vector<Remark> remarks;
  explicit Applied(std::initializer_list<std::string_view> lines, Program program = kTools) {
    int number = 0;
    for (std::string_view line : lines) apply_line(settings, line, remarks, "f", ++number, program);
  }
  [[nodiscard]] std::string told() const {
    std::string text;
    for (const Remark& r : remarks) text += to_text(r) + "\n";
    return text;
  }
};

inline std::string problem_of(std::string_view line) {
  const Applied a({line});
  return a.remarks.size() == 1 ? to_text(a.remarks[0]) : concat(a.remarks.size(), " remarks");
}

}  // namespace dmail::conf

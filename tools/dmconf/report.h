// What `dmconf host` has found.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dmail::dmconf {

struct Report {
  std::vector<std::string> problems;  // each with what to do about it
  std::vector<std::string> facts;     // what is good to know

  void problem(std::string text) { problems.push_back(std::move(text)); }
  void fact(std::string text) { facts.push_back(std::move(text)); }
};

}  // namespace dmail::dmconf

// The command line of a module with a configuration file: options, then one question in words, or
// none for the line protocol on standard input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/modules/line_protocol.h"

namespace dmail::modules {

struct CommandLine {
  std::string config;  // -config FILE, else NAME.conf in the directory of dmail.conf
  bool debug = false;  // -debug
  std::vector<std::string> words;
};

// An exit status when there is nothing more to do: help was asked for, or an option is wrong.
std::optional<int> parse_command_line(const std::string& name, const char* usage, int argc,
                                      char** argv, CommandLine& line);
// Says events, with the time, on standard error when they are wanted.
EventLog debug_log(const CommandLine& line);

int serve(Responder& responder, const CommandLine& line, const EventLog& log);
// Instead, when the module cannot work: says why, and answers -DEAD.
int serve_dead(const std::string& name, const Error& why, const CommandLine& line);

}  // namespace dmail::modules

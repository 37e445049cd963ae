// Running a module that is no server: questions on standard input, or one on the command line.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/modules/server.h"

namespace dmail::modules {

// Verb and user of a question, first line of its answer; never a password.
using EventLog = std::function<void(std::string_view text)>;
void log_answer(const EventLog& log, std::string_view question, std::string_view answer);

// One line, without LF; bytes over kMaxLine + 1 are dropped.  False at the end; a line that was cut
// short there is nobody's question.
bool read_question(std::string& line, std::FILE* from = stdin);

// Passwords pass through: other processes of our user may not read our memory.
void close_memory();

// Answers standard input until its end, quit or exit.  An exit status.
int serve_stdin(Responder& responder, const EventLog& log);
// One question, given as words (`-` in place of a password: a line of standard input).  Prints the
// answer; its exit_status.
int serve_words(Responder& responder, std::vector<std::string> words, const EventLog& log);
// 0 for +OK, 1 for -ERR, 75 for -DEAD.
int exit_status(std::string_view answer);
// A module that cannot work: every question is answered -DEAD, none as "no such user".  75.
int serve_dead(std::string_view why, bool one_question);

}  // namespace dmail::modules

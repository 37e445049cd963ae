#include "tools/modules/line_protocol.h"

#include <sys/prctl.h>

#include <cstdio>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/clock.h"

namespace dmail::modules {

void log_answer(const EventLog& log, std::string_view question, std::string_view answer) {
  if (!log) return;
  std::string_view rest = question;
  const std::string_view verb = take_until(rest, ' ');
  const std::string_view user = take_until(rest, ' ');
  const bool keys = iequals(verb, "secret") && answer.starts_with("+OK");
  log(concat(verb, ' ', user, ": ", keys ? "+OK" : answer.substr(0, answer.find('\n'))));
}

void close_memory() { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

bool read_question(std::string& line, std::FILE* from) {
  line.clear();
  for (int c; (c = std::getc(from)) != EOF;) {
    if (c == '\n') return true;
    if (line.size() > kMaxLine) continue;
    line.push_back(static_cast<char>(c));
  }
  return false;
}

int serve_stdin(Responder& responder, const EventLog& log) {
  std::string line;
  while (read_question(line)) {
    std::string answer =
        line.size() > kMaxLine ? "-ERR line too long\n" : responder.answer(line, monotonic_ms());
    log_answer(log, line, answer);
    wipe(line);
    if (answer.empty()) break;
    std::fputs(answer.c_str(), stdout);
    wipe(answer);
    if (std::fflush(stdout) != 0) return 1;
  }
  return 0;
}

int serve_words(Responder& responder, std::vector<std::string> words, const EventLog& log) {
  if (words.size() > 2 && words[2] == "-" && !read_question(words[2])) {
    std::fputs("no password on standard input\n", stderr);
    return 64;
  }
  std::string question;
  for (std::string& word : words) {
    if (!question.empty()) question += ' ';
    question += word;
    wipe(word);
  }
  const std::string answer = responder.answer(question, monotonic_ms());
  log_answer(log, question, answer);
  wipe(question);
  std::fputs(answer.c_str(), stdout);
  return exit_status(answer);
}

int exit_status(std::string_view answer) {
  if (answer.starts_with("-DEAD")) return 75;
  return answer.starts_with("-") ? 1 : 0;
}

int serve_dead(std::string_view why, bool one_question) {
  std::string line;
  while (one_question || read_question(line)) {
    wipe(line);
    std::fputs(concat("-DEAD ", escaped(why, 400), '\n').c_str(), stdout);
    std::fflush(stdout);
    if (one_question) break;
  }
  return 75;
}

}  // namespace dmail::modules

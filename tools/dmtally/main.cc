// dmtally DIRECTORY: one question on standard input, one line of answer (privsep/tally.h asks).
//
//   wait ADDRESS LOGIN_DELAY LOGIN_DELAY_MAX      ok MILLISECONDS, or ok full
//   failed ADDRESS LOGIN_DELAY LOGIN_DELAY_MAX    ok MILLISECONDS
//   login ADDRESS WINDOW USER                     ok
//   relay ADDRESS WINDOW                          ok USER, or ok
//
// Anything else, and every failure, is answered with "error TEXT".  Tidies up after the answer.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/number.h"
#include "base/text.h"
#include "io/clock.h"
#include "tools/dmtally/book.h"

using namespace dmail;
using namespace dmail::tally;

namespace {

constexpr size_t kMaxQuestion = 1000;

Result<std::string> question() {
  std::string text;
  char window[kMaxQuestion];
  for (ssize_t n; text.find('\n') == text.npos && text.size() < kMaxQuestion;) {
    n = ::read(0, window, sizeof window);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(window, static_cast<size_t>(n));
  }
  const size_t end = text.find('\n');
  if (end == text.npos) return Error{ErrorKind::BadInput, "", "no question"};
  return text.substr(0, end);
}

Error bad_question() { return Error{ErrorKind::BadInput, "", "a question that is none"}; }

Result<std::string> answer(Book& book, std::string_view text) {
  constexpr uint64_t kMostMs = 60000, kMostWindow = 604800;
  const std::string_view word = take_until(text, ' ');
  const std::string_view ip = take_until(text, ' ');
  const std::string_view first = take_until(text, ' ');
  if (word == "wait" || word == "failed") {
    const auto delay = parse_u64(first, kMostMs), most = parse_u64(text, kMostMs);
    if (!delay || !most) return bad_question();
    const auto d = static_cast<int64_t>(*delay), m = static_cast<int64_t>(*most);
    auto ms = word == "wait" ? book.begin_attempt(ip, d, m) : book.count_failure(ip, d, m);
    if (!ms) return std::move(ms.error());
    return *ms == kFull ? std::string("full") : concat(*ms);
  }
  const auto window = parse_u64(first, kMostWindow);
  if (!window) return bad_question();
  if (word == "login") {
    DMAIL_TRY(book.logged_in(ip, text, static_cast<int64_t>(*window)));
    return std::string();
  }
  if (word != "relay") return bad_question();
  auto user = book.relay_user(ip, static_cast<int64_t>(*window));
  if (!user) return std::move(user.error());
  return user->value_or("");
}

void say(std::string line) {
  line += '\n';
  if (::write(1, line.data(), line.size()) < 0) ::_exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  if (argc != 2 || argv[1][0] != '/') {
    say("error dmtally is started by the servers; see dmrelay(8)");
    return 2;
  }
  if (::geteuid() == 0) {
    // Its files would shut the mail user out of the database.
    say("error dmtally does not run as root; is there a mail_user?");
    return 1;
  }
  // Whoever asked does not wait longer.
  ::alarm(30);
  auto text = question();
  if (!text) return say(concat("error ", text.error().log)), 1;
  auto book = Book::open(argv[1]);
  if (!book) return say(concat("error ", escaped(book.error().log))), 1;
  auto result = answer(**book, *text);
  if (!result) return say(concat("error ", escaped(result.error().log))), 1;
  say(result->empty() ? "ok" : concat("ok ", *result));
  ::close(1);
  ::alarm(0);
  return (*book)->purge_when_due() ? 0 : 1;
}

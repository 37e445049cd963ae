// Processes that make, fill, rename and remove folders of one user side by side: no mail that stays
// reachable is lost or damaged, and every refusal is one of those that such a race may give.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "../unit/store/store_fixture.h"
#include "io/clock.h"

using namespace dmail;
using namespace dmail::store;

namespace {

const char* const kNames[] = {"A", "A/B", "A/B/C", "D", "D/E", "INBOX/F"};

bool fair(ErrorKind kind) {
  return kind == ErrorKind::NotFound || kind == ErrorKind::Exists ||
         kind == ErrorKind::NoPermission || kind == ErrorKind::BadInput;
}

// 0, or what went wrong.
int one_step(Store& store, std::minstd_rand& random, int who, int number) {
  const char* name = kNames[random() % std::size(kNames)];
  const char* other = kNames[random() % std::size(kNames)];
  Status done;
  switch (random() % 8) {
    case 0:
    case 1:
      done = store.create(name);
      break;
    case 2:
      done = store.remove(name);
      break;
    case 3:
      done = store.rename(name, other);
      break;
    case 4:
      done = store.list([](const MailboxEntry&) {});
      break;
    case 5: {
      auto status = store.status(name);
      if (!status) done = std::move(status.error());
      break;
    }
    case 6: {
      auto appender = store.append(name);
      if (!appender) {
        done = std::move(appender.error());
        break;
      }
      const std::string text = message(std::to_string(who) + "." + std::to_string(number));
      if (!(*appender)->begin({}) || !(*appender)->write(text) || !(*appender)->end()) return 20;
      auto stored = (*appender)->commit();
      if (!stored) done = std::move(stored.error());
      break;
    }
    default: {
      auto box = store.select(name, false);
      if (!box) {
        done = std::move(box.error());
        break;
      }
      for (uint32_t n = 1; n <= (*box)->count() && n < 5; ++n) {
        auto text = (*box)->text(n);
        if (!text && !fair(text.error().kind)) return 21;
        if (text && !text->starts_with("From: a@example.com\r\n")) return 22;
      }
    }
  }
  if (!done && !fair(done.error().kind)) {
    std::fputs((done.error().log + "\n").c_str(), stderr);
    return 23;
  }
  return 0;
}

}  // namespace

TEST_CASE("folders change side by side") {
  const char* asked = std::getenv("DMAIL_DRIVER_SECONDS");
  const int64_t end = monotonic_ms() + (asked != nullptr ? std::atoi(asked) : 2) * 1000;
  StoreFixture fixture;
  pid_t pids[4];
  for (int who = 0; who < 4; ++who) {
    pids[who] = ::fork();
    if (pids[who] != 0) continue;
    auto store = Store::open(fixture.config);
    if (!store) ::_exit(10);
    std::minstd_rand random(static_cast<unsigned>(who + 1));
    for (int number = 0; monotonic_ms() < end; ++number)
      if (const int wrong = one_step(**store, random, who, number); wrong != 0) ::_exit(wrong);
    ::_exit(0);
  }
  for (pid_t pid : pids) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
  }
  auto store = fixture.open();
  std::vector<std::string> names;
  must(store->list([&](const MailboxEntry& e) {
    if (e.selectable) names.push_back(e.name);
  }));
  std::set<uint32_t> validities;
  for (const std::string& name : names) {
    INFO(name);
    auto box = choose(*store, name);
    if (name != "INBOX") CHECK(validities.insert(box->uid_validity()).second);
    for (uint32_t n = 1; n <= box->count(); ++n)
      CHECK(text_of(*box, n).starts_with("From: a@example.com\r\n"));
  }
  CHECK(std::system(
            ("find " + fixture.root + " -name '.to.*' -o -name '.new.*' | grep . >&2").c_str()) !=
        0);
}

#include "rehash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "account/vdomain.h"
#include "auth/authenticator.h"
#include "base/ascii.h"
#include "base/text.h"
#include "io/owned_fd.h"
#include "mover.h"
#include "privsep/monitor_parts.h"
#include "spool.h"

namespace dmail::dmconf {
namespace {

constexpr uint64_t kProgressEvery = 1000;

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string shown(const std::string& path) { return escaped(path, 4096); }

class Rehash {
 public:
  Rehash(const conf::Settings& settings, const RehashOptions& options)
      : settings_(settings),
        options_(options),
        spool_(settings),
        mover_(static_cast<int>(settings.lock_timeout)) {}

  int run() {
    for (const Base& base : bases()) {
      const Status walked =
          spool_.walk(base, {[this](const Stray& stray) { take(stray); }, nullptr, nullptr});
      if (!walked) {
        std::fprintf(stderr, "dmconf: %s\n", walked.error().log.c_str());
        failed_ = true;
      }
    }
    if (options_.move) sync_spool();
    say_sum();
    if (failed_) return 2;
    return left_ > 0 || (!options_.move && moved_ > 0) ? 1 : 0;
  }

 private:
  // Before it is said that they are moved.
  void sync_spool() {
    for (const Base& base : bases_of(settings_)) {
      const OwnedFd fd(::open(base.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (fd.valid() && ::syncfs(fd.get()) != 0) {
        std::fprintf(stderr, "dmconf: %s: %s\n", base.path.c_str(), std::strerror(errno));
        failed_ = true;
      }
    }
  }

  [[nodiscard]] std::vector<Base> bases() const {
    if (options_.from.empty()) return bases_of(settings_);
    std::string path = options_.from, domain = options_.domain;
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (domain.empty() && !settings_.host_domain.empty()) domain = settings_.host_domain.front();
    return {{path, domain}};
  }

  auth::Answer lookup(const account::Name& name) {
    if (!authenticator_) {
      authenticator_ = privsep::make_authenticator(settings_, account::Service::Smtp, "",
                                                   privsep::host_ids(settings_));
    }
    return authenticator_->lookup(name);
  }

  // A module that names the drop file itself is right, whatever the settings say.
  bool decided_by_module(const Stray& stray) {
    if (settings_.authent_method != "external" || !stray.name.passwd_file.empty()) return false;
    const auth::Answer answer = lookup(stray.name);
    if (answer.kind == auth::Answer::Kind::Dead) {
      std::fprintf(stderr,
                   "dmconf: %s: the authentication module cannot say whether it has a drop path of "
                   "its own for this user: %s\n",
                   escaped(account::text_of(stray.name)).c_str(), escaped(answer.text).c_str());
      failed_ = true;
      return true;
    }
    if (answer.ok() && !answer.facts.drop_file.empty())
      return leave(stray, concat("not moved: the authentication module names ",
                                 shown(answer.facts.drop_file)));
    return false;
  }

  bool leave(const Stray& stray, const std::string& why) {
    ++left_;
    print(concat(escaped(account::text_of(stray.name)), ": ", shown(stray.path),
                 stray.tree ? ".mbx" : "", ": ", why, "\n"));
    return true;
  }

  // Of those who may have a file, the one that there is; else it is left: mail of one account must
  // never become another's.
  bool decided(Stray& stray) {
    std::string names;
    std::vector<Claim> there;
    for (const Claim& claim : stray.claims) {
      const auth::Answer answer = lookup(claim.name);
      if (answer.kind != auth::Answer::Kind::No) there.push_back(claim);
      names += concat(names.empty() ? "" : " or ", escaped(account::text_of(claim.name)),
                      answer.kind == auth::Answer::Kind::No ? " (no such user today)" : "");
    }
    if (there.size() != 1) {
      ++left_;
      print(concat(shown(stray.path), stray.tree ? ".mbx" : "", ": may be mail of ", names,
                   ": left, move it by hand (see dmconf(8))\n"));
      return false;
    }
    stray.kind = Stray::Kind::Misplaced;
    stray.name = there[0].name;
    stray.account = there[0].account;
    if (stray.account.drop_file != stray.path) return true;
    settled_ += stray.tree ? 0 : 1;
    return false;
  }

  void take(const Stray& found) {
    if (failed_) return;
    Stray stray = found;
    if (stray.kind == Stray::Kind::Nobody) {
      ++nobody_;
      print(concat("nobody's: ", shown(stray.path), stray.tree ? ".mbx" : "",
                   ": no user of today's domains has, or had, mail here\n"));
      return;
    }
    if (stray.kind == Stray::Kind::Ambiguous && !decided(stray)) return;
    const Outcome before = mover_.look(stray);
    if (before.what == Move::Gone) return;
    if (before.what == Move::Leftover) {
      ++leftovers_;
      return;
    }
    if (before.what == Move::Possible && decided_by_module(stray)) return;
    tell(stray, options_.move && before.what == Move::Possible ? mover_.move(stray) : before);
    if (++seen_ % kProgressEvery == 0 && ::isatty(2) == 1)
      std::fprintf(stderr, "\r%llu", static_cast<unsigned long long>(seen_));
  }

  void tell(const Stray& stray, const Outcome& outcome) {
    const std::string& target = stray.account.drop_file;
    switch (outcome.what) {
      case Move::Possible:
      case Move::Done:
        ++moved_;
        print(concat(escaped(account::text_of(stray.name)), ": ", shown(stray.path), " -> ",
                     shown(target)));
        if (stray.tree)
          print(" (folders)\n");
        else
          print(concat(" (", outcome.octets, " bytes", outcome.folders ? ", folders" : "", ")\n"));
        return;
      case Move::BothHaveMail:
        ++both_;
        leave(stray, concat("mail here and at ", shown(target),
                            ", where servers look; left for you "
                            "(see dmconf(8))"));
        return;
      case Move::InUse:
        leave(stray, concat("not now: ", escaped(outcome.text)));
        return;
      case Move::Gone:
      case Move::Leftover:
      case Move::Unclear:
        leave(stray, concat("left: ", escaped(outcome.text, 4096)));
        return;
    }
  }

  void say_sum() {
    if (seen_ >= kProgressEvery && ::isatty(2) == 1) std::fprintf(stderr, "\r");
    std::string sum = concat(moved_, options_.move ? " moved" : " to move", ", ", left_, " left");
    if (both_ > 0) sum += concat(" (", both_, " with mail at both places)");
    sum += concat(", ", spool_.in_place() + settled_, " in place already");
    if (nobody_ > 0) sum += concat(", ", nobody_, " nobody's");
    if (leftovers_ > 0) sum += concat(", ", leftovers_, " empty ones left behind");
    if (!options_.move && moved_ > 0) sum += "; nothing was changed: --move does it";
    print(concat(sum, "\n"));
  }

  const conf::Settings& settings_;
  const RehashOptions& options_;
  Spool spool_;
  Mover mover_;
  std::unique_ptr<auth::Authenticator> authenticator_;
  uint64_t settled_ = 0;  // in place, which took a look-up
  uint64_t moved_ = 0, left_ = 0, both_ = 0, nobody_ = 0, leftovers_ = 0, seen_ = 0;
  bool failed_ = false;
};

}  // namespace

int rehash(const conf::Settings& settings, const RehashOptions& options) {
  return Rehash(settings, options).run();
}

void check_spool(const conf::Settings& settings, Report& report, Spool::Visitor visitor) {
  Spool spool(settings);
  const Mover mover(0);
  for (const Base& base : bases_of(settings)) {
    struct stat st {};
    if (::stat(base.path.c_str(), &st) != 0) continue;  // said elsewhere
    uint64_t strays = 0, both = 0, nobody = 0, unclear = 0;
    std::string example, example_of_both, example_of_nobody, example_of_unclear;
    visitor.found = [&](const Stray& stray) {
      if (stray.kind == Stray::Kind::Nobody) {
        if (nobody++ == 0) example_of_nobody = stray.path;
        return;
      }
      if (stray.kind == Stray::Kind::Ambiguous) {
        if (unclear++ == 0)
          example_of_unclear = concat(stray.path, ", of ", account::text_of(stray.claims[0].name),
                                      " or ", account::text_of(stray.claims[1].name));
        return;
      }
      struct stat here {
      }, there{};
      // Files of root's beside the drop files are no user's.
      if (!stray.tree && (::lstat(stray.path.c_str(), &here) != 0 || !S_ISREG(here.st_mode) ||
                          (here.st_uid == 0 && ::geteuid() == 0)))
        return;
      const bool two = ::lstat(stray.account.drop_file.c_str(), &there) == 0;
      // An empty one that a wrong setting left behind is nothing to speak of.
      if (two && mover.look(stray).what == Move::Leftover) return;
      if (two && both++ == 0)
        example_of_both = concat(account::text_of(stray.name), " has drop files at ", stray.path,
                                 " and at ", stray.account.drop_file);
      if (strays++ == 0)
        example = concat(account::text_of(stray.name), "'s at ", stray.path, " instead of ",
                         stray.account.drop_file);
    };
    const Status walked = spool.walk(base, visitor);
    if (!walked) report.problem(concat("drop_path: ", walked.error().log));
    if (strays > 0)
      report.problem(concat("drop_path: below ", base.path, " ", strays,
                            strays == 1 ? " drop file lies" : " drop files lie",
                            " where these settings do not look, such as ", example,
                            ": were hash_spool, drop_prefix or a vdomain line changed? (dmconf "
                            "rehash lists and moves them)"));
    if (both > 0)
      report.problem(
          concat("drop_path: below ", base.path, " ", both, both == 1 ? " user has" : " users have",
                 " drop files at two places, such as ", example_of_both, " (dmconf rehash)"));
    if (unclear > 0)
      report.fact(concat("drop_path: below ", base.path, " ", unclear,
                         unclear == 1 ? " file may be" : " files may be",
                         " one of two users', such as ", example_of_unclear,
                         " (dmconf rehash asks which of them there is)"));
    if (nobody > 0)
      report.fact(concat("drop_path: below ", base.path, " ", nobody,
                         nobody == 1 ? " file is" : " files are", " no user's, such as ",
                         example_of_nobody));
  }
}

}  // namespace dmail::dmconf

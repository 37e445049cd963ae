// 16 processes that append, copy, move and expunge in three mailboxes of both formats, some of them
// killed in the middle; then a ledger of what each was told says what must be there.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <random>
#include <set>

#include "driver_fixture.h"
#include "io/clock.h"

using namespace dmail;
using namespace dmail::store;

namespace {

constexpr int kProcesses = 16;
constexpr int kLockSeconds = 30;                        // StoreConfig's
const char* const kBoxes[] = {"INBOX", "Work", "Old"};  // mbox drop file, mbx, mbox

enum class Op : uint32_t { Append, Copy, Move, Expunge };
enum class Stage : uint32_t { Intended, Done, Refused };

struct Ident {
  int who = 0, number = 0;
  auto operator<=>(const Ident&) const = default;
};

// One message of one command.  A line is written whole or not at all, also by one that is killed.
struct Line {
  int process = 0;
  Op op{};
  Stage stage{};
  Ident ident;
  uint32_t box = 0, uid = 0;            // what it begins with; Append: where it goes
  uint32_t target = 0, target_uid = 0;  // of Copy and Move
};

Ident ident_of(const std::string& text) {
  Ident id;
  const size_t at = text.find("Subject: m");
  if (!text.starts_with("From: p") || at == std::string::npos) return id;
  id.who = std::atoi(text.c_str() + 7);
  id.number = std::atoi(text.c_str() + at + 10);
  return text == numbered(id.who, id.number) ? id : Ident();
}

class Worker {
 public:
  Worker(Store& store, int who, int ledger)
      : store_(store), who_(who), ledger_(ledger), random_(static_cast<unsigned>(who)) {}

  // An exit code: what went wrong.
  int run(int64_t end) {
    for (uint32_t b = 0; b < std::size(kBoxes); ++b) {
      auto box = store_.select(kBoxes[b], false);
      if (!box) return 10;
      boxes_.push_back(std::move(*box));
    }
    while (monotonic_ms() < end)
      if (const int wrong = step(); wrong != 0) return wrong;
    return 0;
  }

 private:
  int step() {
    box_ = random_() % static_cast<uint32_t>(std::size(kBoxes));
    Mailbox& box = *boxes_[box_];
    auto changes = box.sync(true);
    if (!changes || changes->gone) return 11;
    const unsigned dice = random_() % 20;
    if (dice < 6 || box.count() == 0) return append();
    const uint32_t first = 1 + random_() % box.count();
    const uint32_t last = std::min<uint32_t>(box.count(), first + random_() % 3);
    lines_.clear();
    for (uint32_t n = first; n <= last; ++n) {
      auto text = box.text(n);
      if (!text) return text.error().kind == ErrorKind::NotFound ? 0 : 12;
      Line line = fresh(ident_of(std::string(*text)), box.uid(n));
      if (line.ident.who == 0) return 13;
      if (seen_.try_emplace({box_, line.uid}, line.ident).first->second != line.ident) return 14;
      lines_.push_back(line);
    }
    if (dice < 9) return transfer(Op::Copy, set_of(first, last));
    if (dice < 14) return transfer(Op::Move, set_of(first, last));
    return dice < 18 || box.count() > 60 ? expunge(set_of(first, last)) : 0;
  }

  Line fresh(Ident ident, uint32_t uid) const {
    Line line;
    line.process = who_;
    line.ident = ident;
    line.box = box_;
    line.uid = uid;
    return line;
  }

  int tell(Op op, Stage stage) {
    for (Line& line : lines_) {
      line.op = op;
      line.stage = stage;
      if (::write(ledger_, &line, sizeof line) != sizeof line) return 15;
    }
    return 0;
  }

  int append() {
    lines_ = {fresh({who_, ++made_}, 0)};
    if (tell(Op::Append, Stage::Intended) != 0) return 15;
    auto appender = store_.append(kBoxes[box_]);
    if (!appender || !(*appender)->begin({}) || !(*appender)->write(numbered(who_, made_)) ||
        !(*appender)->end())
      return 20;
    auto done = (*appender)->commit();
    if (!done || done->uids.count() != 1) return 21;
    lines_[0].uid = done->uids.ranges()[0].first;
    return tell(Op::Append, Stage::Done);
  }

  int transfer(Op op, const UidSet& numbers) {
    const uint32_t target = (box_ + 1 + random_() % 2) % static_cast<uint32_t>(std::size(kBoxes));
    for (Line& line : lines_) line.target = target;
    if (tell(op, Stage::Intended) != 0) return 15;
    Mailbox& box = *boxes_[box_];
    const int64_t began = monotonic_ms();
    auto done = op == Op::Copy ? box.copy(numbers, store_, kBoxes[target])
                               : box.move(numbers, store_, kBoxes[target]);
    if (!done) {
      const ErrorKind kind = done.error().kind;
      if (kind != ErrorKind::NotFound && kind != ErrorKind::InUse) return 30;
      if (monotonic_ms() - began >= kLockSeconds * 1000) return 33;  // two that wait for each other
      return tell(op, Stage::Refused);
    }
    if (done->from.size() != lines_.size() || done->to.size() != lines_.size()) return 31;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (done->from[i] != lines_[i].uid) return 32;
      lines_[i].target_uid = done->to[i];
    }
    return tell(op, Stage::Done);
  }

  int expunge(const UidSet& numbers) {
    if (tell(Op::Expunge, Stage::Intended) != 0) return 15;
    UidSet uids;
    for (const Line& line : lines_) uids.add(line.uid);
    FlagChange change;
    change.flags = kDeleted;
    Mailbox& box = *boxes_[box_];
    auto flagged = box.change_flags(numbers, change);
    if (!flagged || !box.expunge(&uids)) return 40;
    // Of those that somebody else took nothing is known.
    if (!flagged->gone.empty()) return tell(Op::Expunge, Stage::Refused);
    return tell(Op::Expunge, Stage::Done);
  }

  Store& store_;
  const int who_, ledger_;
  std::minstd_rand random_;
  int made_ = 0;
  uint32_t box_ = 0;
  std::vector<std::unique_ptr<Mailbox>> boxes_;
  std::vector<Line> lines_;
  std::map<std::pair<uint32_t, uint32_t>, Ident> seen_;
};

using Place = std::pair<uint32_t, uint32_t>;  // mailbox, UID

// What the ledger says must be, and may be.
struct Model {
  std::map<Place, Ident> born;
  std::set<Place> dead, doubtful;  // doubtful: of one that was killed, or met another one
  std::set<Place> expunged;        // perhaps
  std::map<Ident, std::pair<int, int>> copies;  // of each message: least and most
  int twice = 0;                                // UIDs that were given, or moved, twice
  int counts[4] = {};

  void count(const Ident& ident, int least, int most) {
    copies[ident].first += least;
    copies[ident].second += most;
  }
  void birth(Place place, const Ident& ident) { twice += !born.emplace(place, ident).second; }

  void done(const Line& line) {
    const Place here(line.box, line.uid), there(line.target, line.target_uid);
    ++counts[static_cast<int>(line.op)];
    if (line.op == Op::Append || line.op == Op::Copy) count(line.ident, 1, 1);
    if (line.op == Op::Append) birth(here, line.ident);
    if (line.op == Op::Copy || line.op == Op::Move) birth(there, line.ident);
    if (line.op == Op::Move) twice += !dead.insert(here).second;
    // Two may expunge one message; it goes once.
    if (line.op == Op::Expunge && dead.insert(here).second) count(line.ident, -1, -1);
  }

  void unknown(const Line& line) {
    const Place here(line.box, line.uid);
    if (line.op == Op::Append || line.op == Op::Copy) count(line.ident, 0, 1);
    if (line.op == Op::Append) return;
    if (line.op != Op::Copy) doubtful.insert(here);
    if (line.op == Op::Move) count(line.ident, 0, 1);  // copied, not yet removed
    if (line.op == Op::Expunge && expunged.insert(here).second) count(line.ident, -1, 0);
  }
};

Model read_ledger(const std::string& path) {
  Model model;
  std::ifstream in(path, std::ios::binary);
  std::map<int, std::vector<Line>> intended;  // not answered yet, by process
  std::vector<Line> expunged, met;
  Line line;
  while (in.read(reinterpret_cast<char*>(&line), sizeof line)) {
    auto& open = intended[line.process];
    if (line.stage == Stage::Intended) {
      open.push_back(line);
      continue;
    }
    REQUIRE_FALSE(open.empty());
    open.erase(open.begin());
    // Behind all moves: who marked a message may expunge nothing, because it was moved meanwhile.
    if (line.stage == Stage::Done && line.op == Op::Expunge)
      expunged.push_back(line);
    else if (line.stage == Stage::Done)
      model.done(line);
    if (line.stage == Stage::Refused && line.op == Op::Expunge) met.push_back(line);
  }
  for (const Line& l : expunged) model.done(l);
  for (auto& [process, open] : intended)
    for (const Line& l : open) model.unknown(l);
  // Another one took some of these, and is counted; the rest went.
  for (const Line& l : met)
    if (!model.dead.contains({l.box, l.uid})) model.unknown(l);
  return model;
}

void judge(Store& store, const Model& model) {
  std::map<Place, Ident> there;
  std::map<Ident, int> found;
  for (uint32_t b = 0; b < std::size(kBoxes); ++b) {
    auto box = choose(store, kBoxes[b]);
    for (uint32_t n = 1; n <= box->count(); ++n) {
      const Ident ident = ident_of(text_of(*box, n));
      INFO(kBoxes[b] << " uid " << box->uid(n) << ": " << text_of(*box, n).substr(0, 60));
      CHECK(ident.who != 0);
      there[{b, box->uid(n)}] = ident;
      ++found[ident];
    }
  }
  for (const auto& [place, ident] : model.born) {
    INFO(kBoxes[place.first] << " uid " << place.second << " p" << ident.who << " m"
                             << ident.number);
    const auto at = there.find(place);
    if (at != there.end()) CHECK(at->second == ident);
    if (!model.doubtful.contains(place)) CHECK((at != there.end()) == !model.dead.contains(place));
  }
  for (const Place& place : model.dead) {
    INFO(kBoxes[place.first] << " uid " << place.second);
    CHECK_FALSE(there.contains(place));
  }
  for (const auto& [ident, copies] : model.copies) {
    INFO("p" << ident.who << " m" << ident.number << ": " << found[ident] << " of " << copies.first
             << " to " << copies.second);
    CHECK(found[ident] >= copies.first);
    CHECK(found[ident] <= copies.second);
  }
  for (const auto& [ident, times] : found) CHECK(model.copies.contains(ident));
}

void run_all(DriverFixture& fixture, bool kills) {
  const char* asked = std::getenv("DMAIL_DRIVER_SECONDS");
  const int64_t end = monotonic_ms() + (asked != nullptr ? std::atoi(asked) : 2) * 1000;
  const std::string ledger = fixture.root + "/ledger";
  int who = 0;
  const auto begin = [&] {
    const int number = ++who;
    return process([&, number] {
      const int fd = ::open(ledger.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      auto store = fixture.open();
      return Worker(*store, number, fd).run(end);
    });
  };
  std::vector<pid_t> pids;
  for (int i = 0; i < kProcesses; ++i) pids.push_back(begin());
  std::minstd_rand random(1);
  while (kills && monotonic_ms() < end) {
    ::usleep(1000 * (10 + random() % 50));
    pid_t& pid = pids[random() % kProcesses];
    ::kill(pid, SIGKILL);
    const int status = wait_for(pid);
    CHECK((status == 128 + SIGKILL || status == 0));
    pid = begin();
  }
  for (pid_t pid : pids) CHECK(wait_for(pid) == 0);
  const Model model = read_ledger(ledger);
  CHECK(model.twice == 0);
  for (const int n : model.counts) CHECK(n > 0);
  auto store = fixture.open();
  judge(*store, model);
  for (const char* name : kBoxes)
    ::unlink((fixture.config.folders + "/.index/" + name + ".idx").c_str());
  judge(*store, model);
}

}  // namespace

TEST_CASE("16 processes copy and move: each message is where they were told") {
  for (const bool shared_spool : {false, true}) {
    for (const bool kills : {false, true}) {
      INFO((shared_spool ? "shared spool" : "own spool") << (kills ? ", killed" : ""));
      DriverFixture fixture(Kind{"", "Work", false, shared_spool});
      std::ofstream(fixture.config.folders + "/Old").flush();  // an empty file is mbox
      run_all(fixture, kills);
    }
  }
}

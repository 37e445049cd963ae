// Random damage to every file beside the mail files, as a dying disk, a power loss or a hand leaves
// it: what sessions show is what the mail file holds, at once, and no session ends.
// DMAIL_DAMAGE_ROUNDS: damages a kind of mailbox (100).
#include <random>

#include "driver_fixture.h"

using namespace dmail;
using namespace dmail::store;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Written over in place: who has the file mapped sees it, and what is cut off is gone under it.
void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class Damage {
 public:
  explicit Damage(unsigned seed) : random_(seed) {}

  std::string make(std::string bytes, const std::string& other, const std::string& older) {
    switch (below(7)) {
      case 0:
        for (size_t n = 1 + below(8); n > 0 && !bytes.empty(); --n)
          bytes[below(bytes.size())] ^= static_cast<char>(1u << below(8));
        return bytes;
      case 1:
        overwrite(bytes, std::string(std::min<size_t>(4096, bytes.size()), '\0'));
        return bytes;
      case 2:
        bytes.resize(below(bytes.size() + 1));
        return bytes;
      case 3: {
        std::string garbage(1 + below(600), '\0');
        for (char& c : garbage) c = static_cast<char>(below(256));
        overwrite(bytes, garbage);
        return bytes;
      }
      case 4:  // records only, where there are some
        for (size_t n = 1 + below(4); n > 0 && bytes.size() > kRecordsAt; --n)
          bytes[kRecordsAt + below(bytes.size() - kRecordsAt)] ^= static_cast<char>(1u << below(8));
        return bytes;
      case 5:
        return other;
      default:
        return older;
    }
  }
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

 private:
  static constexpr size_t kRecordsAt = 14336;
  void overwrite(std::string& bytes, const std::string& with) {
    const size_t at = below(bytes.size() + 1);
    bytes.replace(at, std::min(with.size(), bytes.size() - at), with, 0,
                  std::min(with.size(), bytes.size() - at));
  }
  std::minstd_rand random_;
};

}  // namespace

TEST_CASE("whatever damage the side files take, the mail file is shown") {
  const char* asked = std::getenv("DMAIL_DAMAGE_ROUNDS");
  const int rounds = asked != nullptr ? std::atoi(asked) : 100;
  const unsigned seed = std::random_device{}();
  for (const Kind& kind : kinds()) {
    INFO(kind.label << ", seed " << seed);
    Damage damage(seed);
    DriverFixture fixture(kind);
    fixture.config.quota_bytes = 1 << 30;
    auto store = fixture.open();
    must(store->create("Other"));
    for (int i = 0; i < 7; ++i) put(*store, "Other", numbered(1, i));
    (void)contents(*choose(*store, "Other"));
    std::string older;
    for (int i = 0; i < 60; ++i) {
      put(*store, kind.mailbox, numbered(0, i));
      if (i == 30) older = bytes_of(fixture.index_file());
    }
    std::map<uint32_t, std::string> before;
    {
      auto box = choose(*store, kind.mailbox);
      flag(*box, 3, 9, FlagAction::Add, kSeen, {"Work", "Later"});
      flag(*box, 5, 5, FlagAction::Add, kDeleted | kFlagged);
      flag(*box, 40, 41, FlagAction::Add, kDeleted);
      must(box->expunge());
      must(box->sync(true));
      for (uint32_t n = 1; n <= box->count(); ++n) (void)box->envelope(n);  // fills the cache
      before = contents(*box);
    }
    const std::string folder = fixture.config.folders + "/.index/";
    const std::string other = bytes_of(folder + "Other.idx");
    for (int round = 0; round < rounds; ++round) {
      INFO("round " << round);
      std::unique_ptr<Mailbox> open;
      const bool with_session = damage.below(2) == 0;
      if (with_session) open = choose(*store, kind.mailbox);
      constexpr const char* kEndings[] = {".idx", ".idx", ".idx", ".cache", ".state", ".journal"};
      const size_t which = damage.below(std::size(kEndings) + 1);
      const std::string path =
          which < std::size(kEndings) ? folder + kind.mailbox + kEndings[which] : folder + "quota";
      const std::string now = bytes_of(path);
      put_bytes(path, damage.make(now.empty() ? std::string(300, 'x') : now, other, older));
      if (open) {
        auto changes = open->sync(damage.below(2) == 0);
        REQUIRE(changes.ok());
        REQUIRE_FALSE(changes->gone);
        CHECK(changes->expunged.empty());
        REQUIRE(contents(*open) == before);
        const uint32_t last = open->uid(open->count());
        CHECK(open->at_or_after(last) == open->count());
        if (damage.below(3) == 0) {
          const MessageInfo info = open->info(7);
          flag(*open, 7, 7, info.flags & kDraft ? FlagAction::Remove : FlagAction::Add, kDraft);
          before = contents(*open);
        }
      }
      auto again = choose(*store, kind.mailbox);
      REQUIRE(contents(*again) == before);
      for (uint32_t n = 1; n <= again->count(); n += 7) {
        auto envelope = again->envelope(n);
        REQUIRE(envelope.ok());
        CHECK(envelope->find("\"m") != std::string_view::npos);
      }
      auto status = store->status(kind.mailbox);
      REQUIRE(status.ok());
      CHECK(status->messages == before.size());
    }
  }
}

#include "store/map_guard.h"

#include <signal.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace dmail::store {
namespace {

// A session maps a few generations of a few indexes; what finds no place here is not guarded.
struct Slot {
  std::atomic<uintptr_t> start{0};
  std::atomic<size_t> size{0};
};
std::array<Slot, 32> slots;
constexpr uintptr_t kPage = 4096;  // the smallest there is
struct sigaction before;           // whose the other faults are

void on_bus_error(int number, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const uintptr_t start = slot.start.load();
    if (start == 0 || at < start || at - start >= slot.size.load()) continue;
    void* const page = reinterpret_cast<void*>(at & ~(kPage - 1));
    if (::mmap(page, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) != MAP_FAILED)
      return;
    break;
  }
  // Not ours.  The signal waits until this returns; repeating the access would not do, since a
  // kill(2) has none.
  ::sigaction(number, &before, nullptr);
  ::raise(number);
}

void install_handler() {
  static const bool done = [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    return ::sigaction(SIGBUS, &action, &before) == 0;
  }();
  (void)done;
}

}  // namespace

MapGuard::MapGuard(const void* start, size_t size) {
  install_handler();
  for (size_t i = 0; i < slots.size(); ++i) {
    uintptr_t free = 0;
    if (!slots[i].start.compare_exchange_strong(free, reinterpret_cast<uintptr_t>(start))) continue;
    slots[i].size = size;
    slot_ = static_cast<int>(i);
    return;
  }
}

MapGuard::MapGuard(MapGuard&& other) noexcept : slot_(std::exchange(other.slot_, -1)) {}

MapGuard& MapGuard::operator=(MapGuard&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

MapGuard::~MapGuard() {
  if (slot_ < 0) return;
  Slot& slot = slots[static_cast<size_t>(slot_)];
  slot.size = 0;
  slot.start = 0;
}

}  // namespace dmail::store

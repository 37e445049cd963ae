#include "tools/modules/workers.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>

#include "io/wipe_stack.h"

namespace dmail::modules {

Workers::Workers(unsigned count) : done_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!done_fd_.valid()) std::abort();
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void Workers::start(uint64_t id, Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.emplace_back(id, std::move(job));
  }
  wake_.notify_one();
}

std::vector<std::pair<uint64_t, std::string>> Workers::take_done() {
  uint64_t count = 0;
  (void)!::read(done_fd_.get(), &count, sizeof count);  // only resets the counter
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    auto [id, job] = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    std::string result = job();
    job = nullptr;
    wipe_stack();  // what job() left there of a short password
    lock.lock();
    done_.emplace_back(id, std::move(result));
    const uint64_t one = 1;
    (void)!::write(done_fd_.get(), &one, sizeof one);  // an eventfd counter cannot fill up here
  }
}

}  // namespace dmail::modules

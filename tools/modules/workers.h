// A few threads that run jobs, and a descriptor that becomes readable when one is done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/owned_fd.h"

namespace dmail::modules {

class Workers {
 public:
  using Job = std::function<std::string()>;
  explicit Workers(unsigned count);
  ~Workers();  // waits for the jobs that are running; drops the others
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] int done_fd() const { return done_fd_.get(); }
  void start(uint64_t id, Job job);
  std::vector<std::pair<uint64_t, std::string>> take_done();

 private:
  void work();
  OwnedFd done_fd_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<uint64_t, Job>> jobs_;
  std::vector<std::pair<uint64_t, std::string>> done_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dmail::modules

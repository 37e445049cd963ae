// Passwords that were found right a short while ago, so that a login costs a hash and not a
// crypt(3) run. What is kept is HMAC-SHA256(key of this process, user, password, stored hash):
// neither password nor user can be read from it, and any change of the stored hash makes it
// worthless.  Only successes are kept.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dmail::nwauth {

class Verified {
 public:
  // At most `capacity` entries (0: none), the least recently used goes first; each for `seconds`.
  Verified(size_t capacity, int64_t seconds);
  [[nodiscard]] std::string mark(std::string_view user, std::string_view password,
                                 std::string_view stored_hash) const;
  bool knows(const std::string& mark, int64_t now_ms);
  void add(const std::string& mark, int64_t now_ms);
  [[nodiscard]] size_t size() const;

 private:
  struct Entry {
    std::string mark;
    int64_t until_ms;
  };
  size_t capacity_;
  int64_t life_ms_;
  std::string key_;
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace dmail::nwauth

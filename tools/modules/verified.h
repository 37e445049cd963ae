// What a module said yes to a short while ago.  Questions are kept only as a mark,
// HMAC-SHA256(key of this process, user, password, something of the module's own): neither password
// nor user can be read from it.  Only successes belong here.  Safe for several threads.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dmail::modules {

class Verified {
 public:
  // At most `capacity` entries (0: none), the least recently used goes first; each for `seconds`.
  Verified(size_t capacity, int64_t seconds);

  // `extra`: a stored hash, for one, so that changing it makes the mark worthless.
  [[nodiscard]] std::string mark(std::string_view user, std::string_view password,
                                 std::string_view extra) const;
  bool knows(const std::string& mark, int64_t now_ms) { return recall(mark, now_ms).has_value(); }
  void add(const std::string& mark, int64_t now_ms) { keep(mark, {}, now_ms, life_ms_); }

  // With an answer, for `life_ms` of its own.
  std::optional<std::string> recall(const std::string& mark, int64_t now_ms);
  void keep(const std::string& mark, std::string answer, int64_t now_ms, int64_t life_ms);
  // Everything is forgotten.
  void clear();
  [[nodiscard]] size_t size() const;
  [[nodiscard]] int64_t life_ms() const { return life_ms_; }

 private:
  struct Entry {
    std::string mark, answer;
    int64_t until_ms;
  };
  size_t capacity_;
  int64_t life_ms_;
  std::string key_;
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace dmail::modules

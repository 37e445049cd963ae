#include "tools/modules/verified.h"

#include "base/text.h"
#include "base/wipe.h"
#include "tools/modules/keyed.h"

namespace dmail::modules {

Verified::Verified(size_t capacity, int64_t seconds)
    : capacity_(capacity), life_ms_(seconds * 1000), key_(random_bytes(32)) {}

std::string Verified::mark(std::string_view user, std::string_view password,
                           std::string_view extra) const {
  // Sizes in front, so that no two different triples give the same bytes.
  std::string bytes = concat(user.size(), ':', user, password.size(), ':', password, extra);
  std::string result = hmac_sha256(key_, bytes);
  wipe(bytes);
  return result;
}

std::optional<std::string> Verified::recall(const std::string& mark, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(mark);
  if (place == places_.end()) return std::nullopt;
  if (place->second->until_ms <= now_ms) {
    recent_.erase(place->second);
    places_.erase(place);
    return std::nullopt;
  }
  recent_.splice(recent_.begin(), recent_, place->second);
  return place->second->answer;
}

void Verified::keep(const std::string& mark, std::string answer, int64_t now_ms, int64_t life_ms) {
  const std::lock_guard lock(mutex_);
  if (capacity_ == 0) return;
  if (const auto place = places_.find(mark); place != places_.end()) {
    place->second->until_ms = now_ms + life_ms;
    place->second->answer = std::move(answer);
    return;
  }
  if (recent_.size() >= capacity_) {
    places_.erase(recent_.back().mark);
    recent_.pop_back();
  }
  recent_.push_front({mark, std::move(answer), now_ms + life_ms});
  places_[mark] = recent_.begin();
}

void Verified::clear() {
  const std::lock_guard lock(mutex_);
  places_.clear();
  recent_.clear();
}

size_t Verified::size() const {
  const std::lock_guard lock(mutex_);
  return recent_.size();
}

}  // namespace dmail::modules

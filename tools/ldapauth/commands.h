// The commands of the line protocol that a directory can answer: check and lookup.
#pragma once

#include <string>
#include <string_view>

#include "tools/ldapauth/directory.h"
#include "tools/modules/server.h"

namespace dmail::ldapauth {

inline constexpr size_t kMaxName = 511;
inline constexpr size_t kMaxPassword = 1024;

class Commands : public modules::Responder {
 public:
  Commands(const Config& config, Directory& directory) : config_(config), directory_(directory) {}

  std::optional<std::string> quick_answer(std::string_view) override { return std::nullopt; }
  std::string answer(std::string_view line, int64_t asked_ms) override;

 private:
  std::string check(std::string_view user, std::string_view password);
  std::string lookup(std::string_view user);
  // By login name, then by address.
  Result<Entry> find(const Asked& asked, bool by_address);
  [[nodiscard]] std::optional<Asked> acceptable(std::string_view user) const;
  [[nodiscard]] std::string ok(const Asked& asked, const Entry& entry) const;

  const Config& config_;
  Directory& directory_;
};

}  // namespace dmail::ldapauth

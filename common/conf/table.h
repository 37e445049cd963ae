// settings.def as the reader wants it: sorted by name at compile time, and without a single
// pointer, so that a position-independent program relocates (and so owns) none of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conf/settings.h"

namespace dmail::conf {

struct Entry {
  uint16_t name_at = 0, choices_at = 0;  // in kNames
  uint8_t name_size = 0, choices_size = 0;
  Row::Type type = Row::Type::Ignored;
  uint8_t words = 0;
  uint8_t programs = 0;
  uint8_t seen = 0;
  bool defer = false;
  uint16_t number = 0;  // row of settings.def
  // Pointers to members are offsets.
  union Field {
    bool Settings::*as_bool;
    int64_t Settings::*as_int = nullptr;
    std::string Settings::*as_text;
    std::vector<std::string> Settings::*as_list;
  } field;
  int64_t low = 0, high = 0;
};

// name NUL choices NUL, for each row.
inline constexpr char kNames[] =
#define SETTING_SECTION(title)
#define SETTING_BOOL(name, dflt, programs, seen, doc) \
#name                                               \
      "\0"                                            \
      "\0"
#define SETTING_INT(name, dflt, low, high, unit, programs, seen, doc) #name "\0" unit "\0"
#define SETTING_QUOTA(name, programs, seen, doc) \
#name                                          \
      "\0"                                       \
      "\0"
#define SETTING_WORD(name, dflt, choices, programs, seen, doc) #name "\0" choices "\0"
#define SETTING_TEXT(name, dflt, programs, seen, doc) \
#name                                               \
      "\0"                                            \
      "\0"
#define SETTING_PATH(name, dflt, programs, seen, doc) \
#name                                               \
      "\0"                                            \
      "\0"
#define SETTING_LIST(name, dflt, words, programs, seen, doc) \
#name                                                      \
      "\0"                                                   \
      "\0"
#define SETTING_IGNORED(name, programs, doc) \
#name                                      \
      "\0"                                   \
      "\0"
#include "conf/settings.def"
#include "conf/settings_undef.h"
    ;

namespace table_detail {

using Type = Row::Type;
using Field = Entry::Field;

constexpr Entry entry(Type type, uint32_t programs, uint32_t seen, Field field, int words = 0,
                      int64_t low = 0, int64_t high = 0) {
  Entry e;
  e.type = type;
  e.words = static_cast<uint8_t>(words);
  e.programs = static_cast<uint8_t>(programs & kAll);
  e.defer = (programs & kDefer) != 0;
  e.seen = static_cast<uint8_t>(seen);
  e.field = field;
  e.low = low;
  e.high = high;
  return e;
}

inline constexpr Entry kUnsorted[] = {
#define SETTING_SECTION(title)
#define SETTING_BOOL(name, dflt, programs, seen, doc) \
  entry(Type::Bool, programs, seen, {.as_bool = &Settings::name}),
#define SETTING_INT(name, dflt, low, high, unit, programs, seen, doc) \
  entry(Type::Int, programs, seen, {.as_int = &Settings::name}, 0, low, high),
#define SETTING_QUOTA(name, programs, seen, doc) \
  entry(Type::Quota, programs, seen, {.as_int = &Settings::name}),
#define SETTING_WORD(name, dflt, choices, programs, seen, doc) \
  entry(Type::Word, programs, seen, {.as_text = &Settings::name}),
#define SETTING_TEXT(name, dflt, programs, seen, doc) \
  entry(Type::Text, programs, seen, {.as_text = &Settings::name}),
#define SETTING_PATH(name, dflt, programs, seen, doc) \
  entry(Type::Path, programs, seen, {.as_text = &Settings::name}),
#define SETTING_LIST(name, dflt, words, programs, seen, doc) \
  entry(Type::List, programs, seen, {.as_list = &Settings::name}, words),
#define SETTING_IGNORED(name, programs, doc) entry(Type::Ignored, programs, kMonitorOnly, {}),
#include "conf/settings.def"
#include "conf/settings_undef.h"
};

}  // namespace table_detail

inline constexpr size_t kRowCount = std::size(table_detail::kUnsorted);
static_assert(kRowCount <= 64 * std::tuple_size_v<decltype(Settings::given)>);

constexpr std::string_view name_of(const Entry& e) { return {kNames + e.name_at, e.name_size}; }
constexpr std::string_view choices_of(const Entry& e) {
  return {kNames + e.choices_at, e.choices_size};
}

// Sorted by name.
inline constexpr auto kTable = [] {
  std::array<Entry, kRowCount> table{};
  size_t at = 0;
  for (size_t i = 0; i < kRowCount; ++i) {
    Entry& e = table[i];
    e = table_detail::kUnsorted[i];
    e.number = static_cast<uint16_t>(i);
    e.name_at = static_cast<uint16_t>(at);
    const std::string_view name(kNames + at);
    e.name_size = static_cast<uint8_t>(name.size());
    at += name.size() + 1;
    e.choices_at = static_cast<uint16_t>(at);
    const std::string_view choices(kNames + at);
    e.choices_size = static_cast<uint8_t>(choices.size());
    at += choices.size() + 1;
  }
  std::sort(table.begin(), table.end(),
            [](const Entry& a, const Entry& b) { return name_of(a) < name_of(b); });
  return table;
}();

constexpr const Entry* find_entry(std::string_view name) {
  const auto* it =
      std::lower_bound(kTable.data(), kTable.data() + kTable.size(), name,
                       [](const Entry& e, std::string_view n) { return name_of(e) < n; });
  return it != kTable.data() + kTable.size() && name_of(*it) == name ? it : nullptr;
}

// The value(s) of an entry as text; a list has one piece an item, an empty text none.
void append_values(std::vector<std::string>& lines, const Settings& settings, const Entry& entry);

}  // namespace dmail::conf

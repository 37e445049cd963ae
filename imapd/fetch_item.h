// What one FETCH asks for, as a plain value (RFC 3501 section 6.4.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/parser.h"

namespace dmail::imapd {

// "BODY[1.2.HEADER.FIELDS (TO)]<0.100>"
struct Section {
  enum class What { All, Header, Fields, FieldsNot, Text, Mime };
  std::vector<uint32_t> path;  // empty: the message itself
  What what = What::All;
  std::vector<std::string> fields;
  std::optional<uint32_t> origin;  // of a partial fetch
  uint32_t length = 0;
  std::string label;  // as it stands in the reply: "BODY[...]<origin>"
};

struct FetchItem {
  enum class Kind { Uid, Flags, InternalDate, Size, Envelope, Body, BodyStructure, Section };
  Kind kind = Kind::Flags;
  Section section;
};

struct FetchPlan {
  std::vector<FetchItem> items;
  bool sets_seen = false;  // some item marks what it reads as \Seen
  [[nodiscard]] bool has(FetchItem::Kind kind) const;
  // UID first (UID FETCH always tells it).
  void add_uid();
};

// fetch-att / "(" fetch-att *(SP fetch-att) ")" / "ALL" / "FULL" / "FAST"
FetchPlan expect_fetch_plan(Parser& parser);

}  // namespace dmail::imapd

#include "imapd/fetch_item.h"

#include <algorithm>

#include "base/text.h"
#include "imapd/limits.h"
#include "imapd/reply.h"

namespace dmail::imapd {
namespace {

using Kind = FetchItem::Kind;
using What = Section::What;

// Items without a section of their own.
struct ItemRow {
  std::string_view name;
  Kind kind;
};
constexpr ItemRow kItems[] = {
    {"FLAGS", Kind::Flags},
    {"UID", Kind::Uid},
    {"INTERNALDATE", Kind::InternalDate},
    {"RFC822.SIZE", Kind::Size},
    {"ENVELOPE", Kind::Envelope},
    {"BODYSTRUCTURE", Kind::BodyStructure},
};

// The old names of whole sections; the reply uses the name that was asked for.
struct OldRow {
  std::string_view name;
  What what;
  bool peek;
};
constexpr OldRow kOldItems[] = {{"RFC822", What::All, false},
                                {"RFC822.HEADER", What::Header, true},
                                {"RFC822.TEXT", What::Text, false}};

struct MacroRow {
  std::string_view name;
  size_t items;  // of kMacroItems
};
constexpr Kind kMacroItems[] = {Kind::Flags, Kind::InternalDate, Kind::Size, Kind::Envelope,
                                Kind::Body};
constexpr MacroRow kMacros[] = {{"FAST", 3}, {"ALL", 4}, {"FULL", 5}};

struct SectionRow {
  std::string_view name;
  What what;
  bool needs_path;
};
constexpr SectionRow kSections[] = {{"HEADER.FIELDS.NOT", What::FieldsNot, false},
                                    {"HEADER.FIELDS", What::Fields, false},
                                    {"HEADER", What::Header, false},
                                    {"TEXT", What::Text, false},
                                    {"MIME", What::Mime, true}};

// header-list = "(" header-fld-name *(SP header-fld-name) ")"
void expect_header_list(Parser& parser, Section& section) {
  parser.expect_sp();
  parser.expect('(');
  do {
    if (!section.fields.empty()) parser.expect_sp();
    section.fields.push_back(parser.expect_astring());
    if (section.fields.size() > kMaxHeaderNames) parser.fail("Too many header names");
  } while (!parser.at_end() && !parser.next_is(')'));
  parser.expect(')');
  section.label += " (";
  for (const std::string& field : section.fields) {
    if (&field != &section.fields.front()) section.label += ' ';
    append_astring(section.label, field);
  }
  section.label += ')';
}

// section-spec = section-msgtext / (section-part ["." section-text])
void expect_section_spec(Parser& parser, Section& section) {
  bool dot = false;
  while (!parser.at_end() && !parser.next_is(']')) {
    const char c = parser.rest()[0];
    if (c < '0' || c > '9') break;
    section.path.push_back(parser.expect_nz_number());
    append(section.label, concat(dot ? "." : "", section.path.back()));
    if (section.path.size() > kMaxSectionDepth) parser.fail("Section is too deep");
    dot = parser.take('.');
    if (!dot) return;
  }
  if (parser.next_is(']') && !dot) return;
  for (const SectionRow& row : kSections) {
    if ((row.needs_path && section.path.empty()) || !parser.take_word(row.name)) continue;
    section.what = row.what;
    append(section.label, concat(dot ? "." : "", row.name));
    if (row.what == What::Fields || row.what == What::FieldsNot)
      expect_header_list(parser, section);
    return;
  }
  parser.fail("Invalid section");
}

// section = "[" [section-spec] "]" ["<" number "." nz-number ">"], from behind the "[" on
FetchItem expect_section(Parser& parser) {
  FetchItem item{Kind::Section, {}};
  Section& section = item.section;
  section.label = "BODY[";
  expect_section_spec(parser, section);
  parser.expect(']');
  section.label += ']';
  if (parser.take('<')) {
    section.origin = parser.expect_number();
    parser.expect('.');
    section.length = parser.expect_nz_number();
    parser.expect('>');
    append(section.label, concat('<', *section.origin, '>'));
  }
  return item;
}

void expect_item(Parser& parser, FetchPlan& plan) {
  if (plan.items.size() >= kMaxFetchItems) return parser.fail("Too many items");
  for (const ItemRow& row : kItems)
    if (parser.take_word(row.name)) {
      plan.items.push_back({row.kind, {}});
      return;
    }
  for (const OldRow& row : kOldItems)
    if (parser.take_word(row.name)) {
      FetchItem item{Kind::Section, {}};
      item.section.what = row.what;
      item.section.label = row.name;
      plan.sets_seen = plan.sets_seen || !row.peek;
      plan.items.push_back(std::move(item));
      return;
    }
  if (parser.take_text("BODY.PEEK[")) {
    plan.items.push_back(expect_section(parser));
  } else if (parser.take_text("BODY[")) {
    plan.items.push_back(expect_section(parser));
    plan.sets_seen = true;
  } else if (parser.take_word("BODY")) {
    plan.items.push_back({Kind::Body, {}});
  } else {
    parser.fail("Unknown fetch item");
  }
}

}  // namespace

bool FetchPlan::has(Kind kind) const {
  return std::any_of(items.begin(), items.end(),
                     [&](const FetchItem& i) { return i.kind == kind; });
}

void FetchPlan::add_uid() {
  if (!has(Kind::Uid)) items.insert(items.begin(), FetchItem{Kind::Uid, {}});
}

FetchPlan expect_fetch_plan(Parser& parser) {
  FetchPlan plan;
  for (const MacroRow& row : kMacros)
    if (parser.take_word(row.name)) {
      for (size_t i = 0; i < row.items; ++i) plan.items.push_back({kMacroItems[i], {}});
      return plan;
    }
  if (!parser.take('(')) {
    expect_item(parser, plan);
    return plan;
  }
  expect_item(parser, plan);
  while (!parser.at_end() && !parser.next_is(')')) {
    parser.expect_sp();
    expect_item(parser, plan);
  }
  parser.expect(')');
  return plan;
}

}  // namespace dmail::imapd

#include "imapd/flag_arguments.h"

#include "base/ascii.h"
#include "imapd/limits.h"
#include "store/keyword_table.h"
#include "store/record.h"

namespace dmail::imapd {
namespace {

struct SystemFlag {
  std::string_view name;
  uint32_t bit;
};
constexpr SystemFlag kSystem[] = {{"\\Seen", store::kSeen},
                                  {"\\Answered", store::kAnswered},
                                  {"\\Flagged", store::kFlagged},
                                  {"\\Deleted", store::kDeleted},
                                  {"\\Draft", store::kDraft}};

void take_flag(Parser& parser, FlagArguments& out) {
  const std::string flag = parser.expect_flag();
  if (parser.failed()) return;
  for (const SystemFlag& system : kSystem)
    if (iequals(system.name, flag)) {
      out.flags |= system.bit;
      return;
    }
  if (flag[0] == '\\') return parser.fail("Unknown system flag");
  if (flag.size() > store::kMaxKeywordLength) return parser.fail("Keyword is too long");
  for (const std::string& known : out.keywords)
    if (iequals(known, flag)) return;
  if (out.keywords.size() >= kMaxFlags) return parser.fail("Too many flags");
  out.keywords.push_back(flag);
}

}  // namespace

FlagArguments expect_flag_list(Parser& parser) {
  FlagArguments out;
  parser.expect('(');
  for (bool first = true; !parser.at_end() && !parser.next_is(')'); first = false) {
    if (!first) parser.expect_sp();
    take_flag(parser, out);
  }
  parser.expect(')');
  return out;
}

FlagArguments expect_store_flags(Parser& parser) {
  if (parser.next_is('(')) return expect_flag_list(parser);
  FlagArguments out;
  take_flag(parser, out);
  while (!parser.at_end()) {
    parser.expect_sp();
    take_flag(parser, out);
  }
  return out;
}

}  // namespace dmail::imapd

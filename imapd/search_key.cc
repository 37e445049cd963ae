#include "imapd/search_key.h"

#include <algorithm>

#include "base/ascii.h"
#include "imapd/limits.h"
#include "mail/decode.h"

namespace dmail::imapd {
namespace {

using Kind = SearchKey::Kind;

enum class Argument { None, Flag, Date, Number, Seconds, Text, Field };

struct KeyRow {
  std::string_view name;
  Kind kind;
  Argument argument;
  uint32_t set, clear;     // Kind::Flags
  std::string_view field;  // Kind::Header, Kind::Addresses
};
constexpr KeyRow kKeys[] = {
    {"ALL", Kind::All, Argument::None, 0, 0, {}},
    {"ANSWERED", Kind::Flags, Argument::None, store::kAnswered, 0, {}},
    {"BCC", Kind::Addresses, Argument::Text, 0, 0, "Bcc"},
    {"BEFORE", Kind::Before, Argument::Date, 0, 0, {}},
    {"BODY", Kind::Body, Argument::Text, 0, 0, {}},
    {"CC", Kind::Addresses, Argument::Text, 0, 0, "Cc"},
    {"DELETED", Kind::Flags, Argument::None, store::kDeleted, 0, {}},
    {"DRAFT", Kind::Flags, Argument::None, store::kDraft, 0, {}},
    {"FLAGGED", Kind::Flags, Argument::None, store::kFlagged, 0, {}},
    {"FROM", Kind::Addresses, Argument::Text, 0, 0, "From"},
    {"HEADER", Kind::Header, Argument::Field, 0, 0, {}},
    {"KEYWORD", Kind::Keyword, Argument::Flag, 0, 0, {}},
    {"LARGER", Kind::Larger, Argument::Number, 0, 0, {}},
    {"NEW", Kind::New, Argument::None, 0, 0, {}},
    {"OLD", Kind::Old, Argument::None, 0, 0, {}},
    {"OLDER", Kind::Older, Argument::Seconds, 0, 0, {}},
    {"ON", Kind::On, Argument::Date, 0, 0, {}},
    {"RECENT", Kind::Recent, Argument::None, 0, 0, {}},
    {"SEEN", Kind::Flags, Argument::None, store::kSeen, 0, {}},
    {"SENTBEFORE", Kind::SentBefore, Argument::Date, 0, 0, {}},
    {"SENTON", Kind::SentOn, Argument::Date, 0, 0, {}},
    {"SENTSINCE", Kind::SentSince, Argument::Date, 0, 0, {}},
    {"SINCE", Kind::Since, Argument::Date, 0, 0, {}},
    {"SMALLER", Kind::Smaller, Argument::Number, 0, 0, {}},
    {"SUBJECT", Kind::Subject, Argument::Text, 0, 0, {}},
    {"TEXT", Kind::Text, Argument::Text, 0, 0, {}},
    {"TO", Kind::Addresses, Argument::Text, 0, 0, "To"},
    {"UNANSWERED", Kind::Flags, Argument::None, 0, store::kAnswered, {}},
    {"UNDELETED", Kind::Flags, Argument::None, 0, store::kDeleted, {}},
    {"UNDRAFT", Kind::Flags, Argument::None, 0, store::kDraft, {}},
    {"UNFLAGGED", Kind::Flags, Argument::None, 0, store::kFlagged, {}},
    {"UNSEEN", Kind::Flags, Argument::None, 0, store::kSeen, {}},
    {"YOUNGER", Kind::Younger, Argument::Seconds, 0, 0, {}},
};

class SearchParser {
 public:
  SearchParser(Parser& parser, MailboxView& view) : parser_(&parser), view_(&view) {}

  SearchProgram program() {
    SearchProgram out;
    expect_blanks();
    if (parser_->take_word("CHARSET")) {
      expect_blanks();
      charset_ = parser_->expect_astring();
      expect_blanks();
      out.bad_charset = !parser_->failed() && (charset_.empty() || !mail::charset_known(charset_));
      if (out.bad_charset) return out;
    }
    out.root = conjunction(0, false);
    parser_->expect_end();
    return out;
  }

 private:
  // One blank by the grammar; clients send two, and one at the end.
  void expect_blanks() {
    parser_->expect_sp();
    while (parser_->take(' ')) continue;
  }

  // Behind a key: does one more follow?
  bool another(bool in_list) {
    const bool blank = parser_->take(' ');
    while (parser_->take(' ')) continue;
    if (parser_->failed() || parser_->at_end() || (in_list && parser_->next_is(')'))) return false;
    if (!blank) parser_->expect_sp();
    return !parser_->failed();
  }

  // search-key *(SP search-key), up to the end or a ")".
  SearchKey conjunction(size_t depth, bool in_list) {
    SearchKey all;
    all.kind = Kind::And;
    do {
      all.keys.push_back(key(depth));
    } while (another(in_list));
    std::stable_sort(all.keys.begin(), all.keys.end(),
                     [](const SearchKey& a, const SearchKey& b) { return a.cost() < b.cost(); });
    return all;
  }

  SearchKey key(size_t depth) {
    if (++count_ > kMaxSearchKeys) parser_->fail("Too many search keys");
    if (depth > kMaxNesting) parser_->fail("Search is nested too deeply");
    if (parser_->at_end()) {
      parser_->fail("Search key expected");
      return {};
    }
    if (parser_->take('(')) {
      while (parser_->take(' ')) continue;
      SearchKey list = conjunction(depth + 1, true);
      parser_->expect(')');
      return list;
    }
    const char c = parser_->rest()[0];
    if (is_digit(c) || c == '*') return numbers(false);
    if (parser_->take_word("UID")) {
      expect_blanks();
      return numbers(true);
    }
    if (parser_->take_word("NOT")) return combined(Kind::Not, 1, depth);
    if (parser_->take_word("OR")) return combined(Kind::Or, 2, depth);
    if (parser_->take_word("UNKEYWORD")) {
      SearchKey out;
      out.kind = Kind::Not;
      out.keys.push_back(keyword());
      return out;
    }
    return plain();
  }

  SearchKey combined(Kind kind, size_t operands, size_t depth) {
    SearchKey out;
    out.kind = kind;
    for (size_t i = 0; i < operands && !parser_->failed(); ++i) {
      expect_blanks();
      out.keys.push_back(key(depth + 1));
    }
    return out;
  }

  SearchKey numbers(bool uid) {
    SearchKey out;
    out.kind = Kind::Numbers;
    const std::string_view set = parser_->expect_sequence_set();
    if (parser_->failed()) return out;
    auto found = view_->numbers_for_search(set, uid);
    if (!found) parser_->fail("Invalid message set");
    if (found) out.numbers = std::move(*found);
    return out;
  }

  SearchKey keyword() {
    SearchKey out;
    out.kind = Kind::Keyword;
    expect_blanks();
    const std::string_view name = parser_->expect_atom();
    const auto& names = view_->mailbox().keyword_names();
    for (size_t i = 0; i < names.size() && i < 64; ++i)
      if (iequals(names[i], name)) out.keyword = uint64_t{1} << i;
    return out;
  }

  SearchKey plain() {
    for (const KeyRow& row : kKeys)
      if (parser_->take_word(row.name)) return with_argument(row);
    parser_->fail("Unknown search key");
    return {};
  }

  SearchKey with_argument(const KeyRow& row) {
    if (row.argument == Argument::Flag) return keyword();
    SearchKey out;
    out.kind = row.kind;
    out.set = row.set;
    out.clear = row.clear;
    out.field = row.field;
    if (row.argument == Argument::None) return out;
    expect_blanks();
    if (row.argument == Argument::Date) out.day = parser_->expect_date();
    if (row.argument == Argument::Number) out.size = parser_->expect_number();
    if (row.argument == Argument::Seconds) out.size = parser_->expect_nz_number();
    if (row.argument == Argument::Field) {
      out.field = parser_->expect_astring();
      expect_blanks();
    }
    if (row.argument == Argument::Text || row.argument == Argument::Field) {
      const std::string text = parser_->expect_astring();
      if (text.size() > kMaxSearchString) parser_->fail("Search string is too long");
      if (!parser_->failed())
        out.needle.emplace(charset_.empty() ? text : mail::to_utf8(text, charset_));
    }
    return out;
  }

  Parser* parser_;
  MailboxView* view_;
  std::string charset_;
  size_t count_ = 0;
};

}  // namespace

int SearchKey::cost() const {
  switch (kind) {
    case Kind::SentBefore:
    case Kind::SentOn:
    case Kind::SentSince:
    case Kind::Subject:
    case Kind::Header:
    case Kind::Addresses:
      return 1;
    case Kind::Body:
    case Kind::Text:
      return 2;
    default:
      break;
  }
  int most = 0;
  for (const SearchKey& key : keys) most = std::max(most, key.cost());
  return most;
}

SearchProgram expect_search_program(Parser& parser, MailboxView& view) {
  return SearchParser(parser, view).program();
}

}  // namespace dmail::imapd

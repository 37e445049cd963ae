#include "mail/structure.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "mail/line_scan.h"
#include "mail/parameters.h"

namespace dmail::mail {

namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

bool is_multipart(const Part& part) { return part.type == "MULTIPART"; }
bool is_message(const Part& part) { return part.type == "MESSAGE" && part.subtype == "RFC822"; }

void make_opaque(Part& part) {
  part.type = "APPLICATION";
  part.subtype = "OCTET-STREAM";
  part.opaque = true;
}

// A part that is not ended yet.  The stack of these is the only nesting there is.
struct Level {
  size_t part = 0;
  uint64_t newlines = 0;  // before body_start
  std::string boundary;   // empty: not a multipart, or its last boundary was seen
};

class Parser {
 public:
  explicit Parser(std::string_view message) : message_(message) {}
  Structure parse();

 private:
  void begin_parts(bool digest);
  size_t add_part();
  void read_header(Part& part, bool digest);
  void apply(Part& part, const MimeFields& fields, bool digest);
  size_t field_end(size_t at) const;
  size_t line_end(size_t at) const;
  [[nodiscard]] bool at_dashes() const {
    return message_.size() - at_ >= 2 && message_[at_] == '-' && message_[at_ + 1] == '-';
  }
  [[nodiscard]] size_t match(bool& last) const;
  bool take_boundary();
  void close_to(size_t size, uint64_t end, uint64_t newlines);
  void add_empty_part(size_t parent, uint64_t place);

  std::string_view message_;
  Structure structure_;
  std::vector<Level> open_;
  std::string boundary_;   // of the part whose header was read last
  size_t boundaries_ = 0;  // levels in open_ that have one
  size_t at_ = 0;          // always at the start of a line
  uint64_t newlines_ = 0;  // before at_
};

size_t Parser::line_end(size_t at) const {
  const void* lf = at < message_.size()
                       ? std::memchr(message_.data() + at, '\n', message_.size() - at)
                       : nullptr;
  return lf == nullptr ? message_.size()
                       : static_cast<size_t>(static_cast<const char*>(lf) - message_.data()) + 1;
}

size_t Parser::field_end(size_t at) const {
  size_t end = line_end(at);
  while (end < message_.size() && is_blank(message_[end])) end = line_end(end);
  return end;
}

// Which level the line at at_ (which begins "--") is a boundary of.  A line that fits several
// belongs to the longest boundary, and among equal ones to the innermost.
size_t Parser::match(bool& last) const {
  std::string_view line = message_.substr(at_ + 2, line_end(at_) - at_ - 2);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  size_t best = kNone;
  size_t best_size = 0;
  for (size_t i = open_.size(); i-- > 0;) {
    const std::string& boundary = open_[i].boundary;
    if (boundary.size() <= best_size || !line.starts_with(boundary)) continue;
    const std::string_view tail = line.substr(boundary.size());
    if (!tail.empty() && !tail.starts_with("--")) continue;
    best = i;
    best_size = boundary.size();
    last = !tail.empty();
  }
  return best;
}

// Ends the levels above `size` at `end`, which may lie before the body of parts whose header was
// cut short by a boundary: the lowest of them keeps its header, those inside it are moved to its
// end.
void Parser::close_to(size_t size, uint64_t end, uint64_t newlines) {
  if (open_.size() <= size) return;
  const uint64_t floor = std::max(end, structure_.parts[open_[size].part].body_start);
  for (size_t i = size; i < open_.size(); ++i) {
    Part& part = structure_.parts[open_[i].part];
    part.lines = part.body_start <= end ? newlines - open_[i].newlines : 0;
    part.header_start = std::min(part.header_start, floor);
    part.body_start = std::min(part.body_start, floor);
    part.body_end = floor;
  }
  while (open_.size() > size) {
    if (!open_.back().boundary.empty()) --boundaries_;
    const size_t index = open_.back().part;
    open_.pop_back();
    if (is_multipart(structure_.parts[index]) && structure_.parts[index].children.empty())
      add_empty_part(index, floor);
  }
}

// A multipart must show at least one part.
void Parser::add_empty_part(size_t parent, uint64_t place) {
  if (structure_.parts.size() >= kMaxParts) return make_opaque(structure_.parts[parent]);
  structure_.parts[parent].children.push_back(structure_.parts.size());
  Part& empty = structure_.parts.emplace_back();
  apply(empty, {}, false);
  empty.header_start = empty.body_start = empty.body_end = place;
}

void Parser::apply(Part& part, const MimeFields& fields, bool digest) {
  boundary_.clear();
  part.encoding = "7BIT";
  if (fields.encoding.data() != nullptr) {
    ParameterCursor cursor(fields.encoding);
    const std::string_view token = cursor.take_token();
    if (!token.empty() && cursor.at_parameters()) part.encoding = upper(token);
  }
  part.type = digest ? "MESSAGE" : "TEXT";
  part.subtype = digest ? "RFC822" : "PLAIN";
  if (fields.type.data() == nullptr) return;
  ParameterCursor cursor(fields.type);
  std::string_view type;
  std::string_view subtype;
  const bool typed = cursor.take_type(type, subtype);
  if (typed) part.type = upper(type), part.subtype = upper(subtype);
  if (!typed && !cursor.skip_bare_type(fields.type)) return;
  std::string_view name;
  std::string_view value;
  while (cursor.next(name, value)) {
    if (iequals(name, "charset") && part.charset.empty()) part.charset = value;
    if (typed && boundary_.empty() && iequals(name, "boundary")) {
      while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
      if (value.size() <= kMaxBoundary) boundary_ = value;
    }
  }
}

// Reads the header at at_; leaves at_ at the body.  A boundary line ends a header too.
void Parser::read_header(Part& part, bool digest) {
  part.header_start = at_;
  MimeFields fields;
  while (at_ < message_.size()) {
    const char c = message_[at_];
    if (c == '\n' || (c == '\r' && at_ + 1 < message_.size() && message_[at_ + 1] == '\n')) {
      at_ += c == '\n' ? 1 : 2;
      ++newlines_;
      break;
    }
    bool last = false;
    if (c == '-' && boundaries_ > 0 && at_dashes() && match(last) != kNone) break;
    size_t end = line_end(at_);
    if (c == 'C' || c == 'c') {
      end = field_end(at_);
      const std::string_view field = message_.substr(at_, end - at_);
      fields.take(field);
      newlines_ += count_newlines(field);
    } else if (message_[end - 1] == '\n') {
      ++newlines_;
    }
    at_ = end;
  }
  part.body_start = at_;
  apply(part, fields, digest);
}

// Opens the part at at_, and the messages enclosed in it as far as they begin right there.
void Parser::begin_parts(bool digest) {
  for (;;) {
    const size_t index = add_part();
    Part& part = structure_.parts[index];
    read_header(part, digest);
    digest = false;
    const bool room = open_.size() + 1 < kMaxDepth && structure_.parts.size() < kMaxParts;
    const bool coded = part.encoding == "BASE64" || part.encoding == "QUOTED-PRINTABLE";
    if (is_message(part) ? !room || coded : is_multipart(part) && !room) {
      make_opaque(part);
      boundary_.clear();
    }
    if (!is_multipart(part)) boundary_.clear();
    if (!boundary_.empty()) ++boundaries_;
    open_.push_back({index, newlines_, boundary_});
    if (!is_message(part)) return;
  }
}

size_t Parser::add_part() {
  const size_t index = structure_.parts.size();
  structure_.parts.emplace_back();
  if (!open_.empty()) structure_.parts[open_.back().part].children.push_back(index);
  return index;
}

// Deals with the line at at_, which begins "--".  False when the rest is to be taken as it stands.
bool Parser::take_boundary() {
  bool last = false;
  const size_t level = match(last);
  const size_t next = line_end(at_);
  const bool ended = next > 0 && message_[next - 1] == '\n';
  if (level != kNone) {
    if (!last && structure_.parts.size() >= kMaxParts) return false;
    // The line end before a boundary belongs to the boundary.
    uint64_t end = at_;
    uint64_t newlines = newlines_;
    if (end > 0 && message_[end - 1] == '\n') {
      --end;
      --newlines;
      if (end > 0 && message_[end - 1] == '\r') --end;
    }
    close_to(level + 1, end, newlines);
  }
  at_ = next;
  newlines_ += ended ? 1 : 0;
  if (level == kNone) return true;
  Level& parent = open_[level];
  if (last) {
    parent.boundary.clear();
    --boundaries_;
  } else {
    begin_parts(structure_.parts[parent.part].subtype == "DIGEST");
  }
  return true;
}

Structure Parser::parse() {
  structure_.parts.reserve(4);
  open_.reserve(4);
  begin_parts(false);
  while (boundaries_ > 0 && at_ < message_.size()) {
    if (!at_dashes()) {
      const size_t lf = find_dash_line(message_, at_, newlines_);
      if (lf == std::string_view::npos) {
        at_ = message_.size();
        break;
      }
      at_ = lf + 1;
      ++newlines_;
    }
    if (!take_boundary()) break;
  }
  newlines_ += count_newlines(message_.substr(at_));
  close_to(0, message_.size(), newlines_);
  return std::move(structure_);
}

}  // namespace

Structure parse_structure(std::string_view message) { return Parser(message).parse(); }

const Part* find_part(const Structure& structure, const std::vector<uint32_t>& path) {
  if (structure.parts.empty()) return nullptr;
  const Part* part = structure.parts.data();
  bool enclosing = true;  // `part` stands for a message or multipart whose parts are numbered
  for (const uint32_t number : path) {
    if (!enclosing) {
      if (part->children.empty()) return nullptr;
      if (is_message(*part)) part = &structure.parts[part->children.front()];
    }
    if (is_multipart(*part)) {
      if (number == 0 || number > part->children.size()) return nullptr;
      part = &structure.parts[part->children[number - 1]];
    } else if (number != 1) {
      return nullptr;
    }
    enclosing = false;
  }
  return part;
}

}  // namespace dmail::mail

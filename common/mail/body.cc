// BODY and BODYSTRUCTURE (RFC 3501 section 7.4.2).
#include "base/ascii.h"
#include "base/text.h"
#include "mail/continuation.h"
#include "mail/imap_string.h"
#include "mail/lexer.h"
#include "mail/parameters.h"
#include "mail/structure.h"

namespace dmail::mail {

namespace {

class BodyWriter {
 public:
  BodyWriter(std::string& out, std::string_view message, const Structure& structure,
             bool extensible)
      : out_(out), message_(message), structure_(structure), extensible_(extensible) {}
  // Depth is at most kMaxDepth, which parse_structure sees to.
  void part(const Part& part);

 private:
  void multipart(const Part& part, const MimeFields& fields);
  void single(const Part& part, const MimeFields& fields);
  void parameters(ParameterCursor& cursor, bool with_charset);
  void type_parameters(const Part& part, const MimeFields& fields);
  void extension(const MimeFields& fields);
  void languages(std::string_view value);
  [[nodiscard]] std::string_view piece(uint64_t from, uint64_t to) const {
    return message_.substr(from, to - from);
  }

  std::string& out_;
  std::string_view message_;
  const Structure& structure_;
  bool extensible_;
};

// ("name" "value" ...) or NIL.
void BodyWriter::parameters(ParameterCursor& cursor, bool with_charset) {
  const size_t before = out_.size();
  std::string_view name_now;
  std::string_view value_now;
  std::vector<Parameter> all;
  bool pieces = false;
  while (cursor.next(name_now, value_now)) {
    all.push_back({std::string(name_now), std::string(value_now)});
    pieces = pieces || name_now.find('*') != name_now.npos;
  }
  if (pieces) join_continuations(all);
  for (const auto& [name, value] : all) {
    out_ += out_.size() == before ? '(' : ' ';
    append_string(out_, name);
    out_ += ' ';
    append_string(out_, value);
    if (iequals(name, "charset")) with_charset = false;
  }
  if (with_charset) {  // RFC 2045 section 5.2
    out_ += out_.size() == before ? '(' : ' ';
    out_ += "\"CHARSET\" \"US-ASCII\"";
  }
  out_ += out_.size() == before ? "NIL" : ")";
}

void BodyWriter::type_parameters(const Part& part, const MimeFields& fields) {
  ParameterCursor cursor(fields.type);
  std::string_view type;
  std::string_view subtype;
  // Those of a part that is not shown as it was sent would mislead.  Of "PDF; name=x.pdf", which is
  // no type, the name is all that a reader has.
  if (part.opaque || (!cursor.take_type(type, subtype) && !cursor.skip_bare_type(fields.type)))
    cursor = ParameterCursor({});
  parameters(cursor, part.type == "TEXT");
}

void BodyWriter::languages(std::string_view value) {
  const size_t before = out_.size();
  Lexer lexer(value.substr(0, kMaxEnvelopeField));
  const auto stops = [](char c) { return is_space(c) || c == ',' || c == '('; };
  for (size_t count = 0; count < kMaxParameters && !lexer.at_end();) {
    if (lexer.skip_cfws() || lexer.take(',')) continue;
    out_ += out_.size() == before ? '(' : ' ';
    append_string(out_, lexer.take_run(stops));
    ++count;
  }
  out_ += out_.size() == before ? "NIL" : ")";
}

// Disposition, language, location.
void BodyWriter::extension(const MimeFields& fields) {
  ParameterCursor cursor(fields.disposition);
  const std::string_view token = cursor.take_token();
  out_ += ' ';
  if (token.empty()) {
    out_ += "NIL";
  } else {
    out_ += '(';
    append_string(out_, token);
    out_ += ' ';
    parameters(cursor, false);
    out_ += ')';
  }
  out_ += ' ';
  languages(fields.language);
  out_ += ' ';
  append_field(out_, fields.location.substr(0, kMaxEnvelopeField));
}

void BodyWriter::multipart(const Part& part, const MimeFields& fields) {
  for (const size_t child : part.children) this->part(structure_.parts[child]);
  out_ += ' ';
  append_string(out_, part.subtype);
  if (!extensible_) return;
  out_ += ' ';
  type_parameters(part, fields);
  extension(fields);
}

void BodyWriter::single(const Part& part, const MimeFields& fields) {
  append_string(out_, part.type);
  out_ += ' ';
  append_string(out_, part.subtype);
  out_ += ' ';
  type_parameters(part, fields);
  out_ += ' ';
  append_field(out_, fields.id.substr(0, kMaxEnvelopeField));
  out_ += ' ';
  append_field(out_, fields.description.substr(0, kMaxEnvelopeField));
  out_ += ' ';
  append_string(out_, part.encoding);
  out_ += ' ';
  append(out_, part.body_end - part.body_start);
  if (!part.children.empty()) {
    const Part& message = structure_.parts[part.children.front()];
    out_ += ' ';
    out_ += envelope_text(piece(message.header_start, message.body_start));
    out_ += ' ';
    this->part(message);
  }
  if (!part.children.empty() || part.type == "TEXT") {
    out_ += ' ';
    append(out_, part.lines);
  }
  if (!extensible_) return;
  out_ += ' ';
  append_field(out_, fields.md5.substr(0, kMaxEnvelopeField));
  extension(fields);
}

void BodyWriter::part(const Part& part) {
  const MimeFields fields = mime_fields(piece(part.header_start, part.body_start));
  out_ += '(';
  if (part.type == "MULTIPART") {
    multipart(part, fields);
  } else {
    single(part, fields);
  }
  out_ += ')';
}

}  // namespace

std::string body_text(std::string_view message, const Structure& structure, bool extensible) {
  std::string out;
  if (structure.parts.empty()) return out;
  out.reserve(256 * structure.parts.size());
  BodyWriter(out, message, structure, extensible).part(structure.parts.front());
  return out;
}

}  // namespace dmail::mail

#include "mail_file_fixture.h"
#include "store/text_encoder.h"

using namespace dmail;
using namespace dmail::store;

namespace {

// Text made of what conversion has to look at.
std::string random_text(unsigned seed, size_t pieces) {
  static const char* const kPieces[] = {"\r\n", "\r\n", "From ", ">", ">>>",        "Fro",     "F",
                                        "\r",   "x",    "From",  " ", "long text ", "\r\n\r\n"};
  std::string s;
  for (size_t i = 0; i < pieces; ++i) {
    seed = seed * 1103515245 + 12345;
    s += kPieces[seed >> 16 & 0xffff ? (seed >> 16) % 13 : 0];
  }
  return s + "\r\n";
}

}  // namespace

TEST_CASE("text encoder and reader are inverse, however the text is cut") {
  for (unsigned seed = 1; seed < 300; ++seed) {
    const std::string text = random_text(seed, seed);
    MailDir m;
    REQUIRE(m.load());
    for (const size_t piece : {1u, 2u, 3u, 7u, 100000u}) {
      std::string out;
      TextEncoder e(TextEncoder::Form::QuotedLf);
      for (size_t i = 0; i < text.size(); i += piece)
        e.feed(std::string_view(text).substr(i, piece), out);
      e.finish(out);
      CHECK(e.size() == text.size());
      CHECK(("\n" + out).find("\nFrom ") == std::string::npos);
      m.put(out);
      Record r;
      r.raw_size = out.size();
      r.size = text.size();
      r.form = kLfLines | kQuoted;
      CHECK(m.text(r) == text);
      std::string crlf;
      TextEncoder c(TextEncoder::Form::Crlf);
      for (size_t i = 0; i < text.size(); i += piece)
        c.feed(std::string_view(text).substr(i, piece), crlf);
      c.finish(crlf);
      CHECK(crlf == text);
      CHECK(c.header_size() == e.header_size());
    }
  }
}

TEST_CASE("text reader seeks to any octet") {
  MailDir m;
  REQUIRE(m.load());
  std::string text;
  for (unsigned i = 0; text.size() < 700000; ++i) text += random_text(i, 40);
  REQUIRE(m.append({text}));
  TextReader reader(m.fd.get(), m.records[0]);
  for (uint64_t at : {0ul, 1ul, 131071ul, 131072ul, 131073ul, 5ul, 400000ul, 699999ul, 300000ul}) {
    REQUIRE(reader.seek(at));
    std::string got;
    while (got.size() < 200000) {
      auto piece = reader.next();
      REQUIRE(piece.ok());
      if (piece->empty()) break;
      got += *piece;
    }
    CHECK(got == text.substr(at, got.size()));
    CHECK(got.size() >= std::min<size_t>(200000, text.size() - at));
  }
  REQUIRE(reader.seek(text.size()));
  CHECK(reader.next()->empty());
  CHECK_FALSE(reader.seek(text.size() + 1).ok());
}

TEST_CASE("text reader says when the file is too short") {
  MailDir m;
  REQUIRE(m.load());
  REQUIRE(m.append({std::string(300000, 'x') + "\r\n"}));
  REQUIRE(truncate_to(m.fd.get(), 1000));
  TextReader reader(m.fd.get(), m.records[0]);
  auto piece = reader.next();
  REQUIRE_FALSE(piece.ok());
  CHECK(piece.error().kind == ErrorKind::Corrupt);
  // A record that promises more than the text gives.
  MailDir n;
  REQUIRE(n.load());
  REQUIRE(n.append({"x\r\n"}));
  Record r = n.records[0];
  r.size += 1;
  TextReader liar(n.fd.get(), r);
  REQUIRE(liar.next().ok());
  CHECK_FALSE(liar.next().ok());
}

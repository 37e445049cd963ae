// The header fields in which mail programs keep the state of a message in an mbox file.  They come
// and go with every save, so readers are never given them: the text of a UID does not change, and
// what one program notes is no business of another's.
//
// Hidden are Status, X-Status, X-Keywords, X-UID, X-IMAP, X-IMAPbase, Content-Length and Lines in
// messages without a block of ours in full (behind one, the same lines are the sender's own), and
// the line X-DMail where it stands first: there a program has taken our block apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dmail::store {

// Fields further on in a header are not looked for.
inline constexpr size_t kMaxHiddenHeader = 64 * 1024;

// A line of a header, without its line end: begins a field that is hidden, our X-DMail line, or
// goes on with the field before.
bool is_hidden_field(std::string_view line);
bool is_block_mark(std::string_view line);
inline bool is_continuation(std::string_view line) {
  return !line.empty() && (line[0] == ' ' || line[0] == '\t');
}

struct HiddenLines {
  size_t bytes = 0;  // line ends included
  size_t lines = 0;
  size_t crlf = 0;  // of them end in CRLF
};
// What is hidden at the front of a header (of at most kMaxHiddenHeader bytes; only whole lines).
HiddenLines hidden_lines(std::string_view header);
// Takes the hidden lines out of a text whose header is at its front.
void take_out_hidden(std::string& text);

}  // namespace dmail::store

// The end of a connection that the server ends while its client may still be sending.
#pragma once

namespace dmail {

// A socket that is closed with input unread is reset, and a reset overtakes what was written: the
// reason never reaches the client.  So our direction is closed first, and what still comes is read
// and thrown away until the client closes, too: for kLastWordsMs and kLastWordsOctets at most. Does
// nothing for what is no socket.
void let_last_words_arrive(int in, int out);
// The same, where there may be nobody to hear them: only when input lies unread.
void let_last_words_arrive_if_unread(int in, int out);

inline constexpr int kLastWordsMs = 2000;
inline constexpr int kLastWordsOctets = 4 << 20;

}  // namespace dmail

# One bad header does not make a mailbox unusable (reliability I10, I11, M10, M13): every message still answers.
MAILBOX INBOX
From a@b Sat Dec 26 09:37:48 1998
From: (

one

From a@b Sat Dec 26 09:37:49 1998
To: "unterminated
Content-Type: text/plain (abc\

two

From a@b Sat Dec 26 09:37:50 1998
From: group:;
Reply-To: <>
Content-Type: ((((\
END
C: a SELECT INBOX
S: * 3 EXISTS
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 1:* (ENVELOPE BODYSTRUCTURE)
S: * 1 FETCH (ENVELOPE (NIL NIL ...) BODYSTRUCTURE (...))
S: * 2 FETCH (ENVELOPE (NIL NIL ...) BODYSTRUCTURE (...))
S: * 3 FETCH (ENVELOPE (NIL NIL ...) BODYSTRUCTURE (...))
S: b OK FETCH completed
C: c SEARCH FROM x
S: * SEARCH
S: c OK SEARCH completed
C: d FETCH 2 BODY.PEEK[TEXT]
S: * 2 FETCH (BODY[TEXT] {5}
S: two
S: )
S: d OK FETCH completed

# RFC 3501 section 3: what needs a mailbox says BAD without one; login commands are over.
C: a FETCH 1 FLAGS
S: a BAD No mailbox selected
C: b UID SEARCH ALL
S: b BAD No mailbox selected
C: c CLOSE
S: c BAD No mailbox selected
C: d EXPUNGE
S: d BAD No mailbox selected
C: e STORE 1 FLAGS ()
S: e BAD No mailbox selected
C: f COPY 1 INBOX
S: f BAD No mailbox selected
C: g CHECK
S: g BAD No mailbox selected
C: h LOGIN joe secret
S: h BAD Already logged in
C: i AUTHENTICATE PLAIN
S: i BAD Already logged in
C: j STARTTLS
S: j BAD Already logged in
C: k SELECT INBOX
S: ...
S: k OK [READ-WRITE] SELECT completed
C: l CHECK
S: l OK CHECK completed
# A failed SELECT leaves nothing selected (section 6.3.1).
C: m SELECT nosuch
S: m NO [NONEXISTENT] ...
C: n CHECK
S: n BAD No mailbox selected

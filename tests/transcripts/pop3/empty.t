# An empty maildrop, and one that does not exist yet (P04).
PROGRAM dpopd-session
S: +OK burst ok joe has 0 msgs
C: STAT
S: +OK 0 0
C: LIST
S: +OK 0 messages (0 octets)
S: .
C: UIDL
S: +OK 0 unique ids (0 octets)
S: .
C: LIST 1
S: -ERR there is no message 1; the maildrop has 0
C: UIDL 1
S: -ERR there is no message 1; the maildrop has 0
C: RETR 1
S: -ERR there is no message 1; the maildrop has 0
C: TOP 1 1
S: -ERR there is no message 1; the maildrop has 0
C: DELE 1
S: -ERR there is no message 1; the maildrop has 0
C: RSET
S: +OK maildrop has 0 messages (0 octets)
C: QUIT
S: +OK good bye, 0 messages left
S: <END>

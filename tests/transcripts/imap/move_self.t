# MOVE and COPY of everything into the same mailbox, and of nothing (reliability I19): done once, not for ever.
MESSAGES INBOX 3
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b COPY 1:* INBOX
S: ...
S: b OK [COPYUID $v 1:3 4:6] COPY completed
C: c UID MOVE 1:* INBOX
S: * OK [COPYUID $v 1:6 7:12] Moved
S: ...
S: c OK UID MOVE completed
C: d UID SEARCH ALL
S: * SEARCH 7 8 9 10 11 12
S: d OK UID SEARCH completed
C: e CREATE Empty
S: e OK CREATE completed
C: f SELECT Empty
S: ...
S: f OK [READ-WRITE] SELECT completed
C: g UID MOVE 1:* INBOX
S: g OK UID MOVE completed
C: h UID COPY 1:* Empty
S: h OK UID COPY completed
C: i MOVE 1 Empty
S: i BAD Invalid message set

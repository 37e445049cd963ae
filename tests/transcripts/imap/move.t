# MOVE (RFC 6851): COPYUID first, then EXPUNGE; into the same mailbox, too.
MESSAGES INBOX 4
C: a CREATE target
S: a OK CREATE completed
C: b SELECT INBOX
S: ...
S: b OK [READ-WRITE] SELECT completed
C: c STORE 4 FLAGS.SILENT (\Deleted)
S: c OK STORE completed
C: d MOVE 1:2 target
S: * OK [COPYUID $v 1:2 1:2] Moved
S: * 2 EXPUNGE
S: * 1 EXPUNGE
S: ...
S: d OK MOVE completed
C: e UID MOVE 3 nosuch
S: e NO [TRYCREATE] ...
C: f UID MOVE 3 INBOX
S: * OK [COPYUID $w 3 5] Moved
S: * 1 EXPUNGE
S: ...
S: f OK UID MOVE completed
# Somebody's \Deleted mark is not acted upon.
C: g UID SEARCH ALL
S: * SEARCH 4 5
S: g OK UID SEARCH completed
C: h STATUS target (MESSAGES)
S: * STATUS target (MESSAGES 2)
S: h OK STATUS completed

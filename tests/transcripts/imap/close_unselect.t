# CLOSE expunges without a word, UNSELECT (RFC 3691) does not expunge.
MESSAGES INBOX 3
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b STORE 2 +FLAGS.SILENT (\Deleted)
S: b OK STORE completed
C: c UNSELECT
S: c OK UNSELECT completed
C: d STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 3)
S: d OK STATUS completed
C: e SELECT INBOX
S: * 3 EXISTS
S: ...
S: e OK [READ-WRITE] SELECT completed
C: f CLOSE
S: f OK CLOSE completed
C: g SELECT INBOX
S: * 2 EXISTS
S: ...
S: g OK [READ-WRITE] SELECT completed
C: h UID SEARCH ALL
S: * SEARCH 1 3
S: h OK UID SEARCH completed

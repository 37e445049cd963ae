# EXPUNGE and UID EXPUNGE; UIDs are not used again.
MESSAGES INBOX 5
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b STORE 2,4:5 FLAGS.SILENT (\Deleted)
S: b OK STORE completed
C: c UID EXPUNGE 1:4
S: * 4 EXPUNGE
S: * 2 EXPUNGE
S: ...
S: c OK UID EXPUNGE completed
C: d EXPUNGE
S: * 3 EXPUNGE
S: ...
S: d OK EXPUNGE completed
C: e EXPUNGE
S: e OK EXPUNGE completed
C: f UID FETCH 1:* FLAGS
S: * 1 FETCH (UID 1 FLAGS (\Recent))
S: * 2 FETCH (UID 3 FLAGS (\Recent))
S: f OK UID FETCH completed
C: g APPEND INBOX {14+}
C: Subject: 3
C: 
C: 
S: * 3 EXISTS
S: ...
S: g OK [APPENDUID $v 6] APPEND completed

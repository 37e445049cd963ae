# No drop file yet: an empty INBOX that works.
C: a SELECT INBOX
S: * 0 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY $v] UID validity status
S: * OK [UIDNEXT 1] Predicted next UID
S: * FLAGS (...)
S: * OK [PERMANENTFLAGS (\* ...)] Permanent flags
S: a OK [READ-WRITE] SELECT completed
C: b SEARCH ALL
S: * SEARCH
S: b OK SEARCH completed
C: c FETCH 1:* FLAGS
S: c BAD Invalid message set
C: d UID FETCH 1:* FLAGS
S: d OK UID FETCH completed
C: e EXPUNGE
S: e OK EXPUNGE completed
C: f UID SEARCH UID 1:*
S: * SEARCH
S: f OK UID SEARCH completed

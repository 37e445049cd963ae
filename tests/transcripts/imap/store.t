# STORE: set, add, remove, SILENT, UID form, keywords (RFC 3501 section 6.4.6).
MESSAGES INBOX 3
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b STORE 1:2 FLAGS (\Seen \Flagged)
S: * 1 FETCH (FLAGS (\Recent \Flagged \Seen))
S: * 2 FETCH (FLAGS (\Recent \Flagged \Seen))
S: b OK STORE completed
C: c STORE 1 -FLAGS \Flagged
S: * 1 FETCH (FLAGS (\Recent \Seen))
S: c OK STORE completed
C: d STORE 3 +FLAGS.SILENT (\Answered)
S: d OK STORE completed
C: e UID STORE 3 +flags (\draft \DELETED)
S: * 3 FETCH (UID 3 FLAGS (\Recent \Answered \Deleted \Draft))
S: e OK UID STORE completed
C: f STORE 2 FLAGS ()
S: * 2 FETCH (FLAGS (\Recent))
S: f OK STORE completed
C: g STORE 2 +FLAGS ($Forwarded Work)
S: * FLAGS (\Answered \Flagged \Deleted \Draft \Seen $Forwarded Work)
S: * OK [PERMANENTFLAGS (\* \Answered \Flagged \Deleted \Draft \Seen $Forwarded Work)] Permanent flags
S: * 2 FETCH (FLAGS (\Recent $Forwarded Work))
S: g OK STORE completed
C: h STORE 2 -FLAGS (work)
S: * 2 FETCH (FLAGS (\Recent $Forwarded))
S: h OK STORE completed
C: i STORE 2 FLAGS \Seen \Answered
S: * 2 FETCH (FLAGS (\Recent \Answered \Seen))
S: i OK STORE completed
C: j STORE 1 FLAGS (\Recent)
S: j BAD Unknown system flag
C: k STORE 1 FLAGS
S: k BAD ...
C: l STORE 1 GLAFS (\Seen)
S: l BAD FLAGS expected
C: m STORE 1 +FLAGS.LOUD (\Seen)
S: m BAD FLAGS expected
C: n STORE 1 FLAGS (\Seen
S: n BAD ...
C: o UID STORE 77 FLAGS (\Seen)
S: o OK UID STORE completed
# Flags outlive the session.
C: p CLOSE
S: p OK CLOSE completed
C: q SELECT INBOX
S: * 2 EXISTS
S: ...
S: q OK [READ-WRITE] SELECT completed
C: r FETCH 1:2 (UID FLAGS)
S: * 1 FETCH (UID 1 FLAGS (\Seen))
S: * 2 FETCH (UID 2 FLAGS (\Answered \Seen))
S: r OK FETCH completed
